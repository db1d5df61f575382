#include <fmt/format.h>

#include "base/error.h"
#include "commands.h"
#include "common.h"
#include "engine/conversion.h"
#include "engine/default_model.h"

namespace san::cli {
namespace {

struct Arguments {
  ConvertRequest request;
  bool half = false;
  std::string precision;
};

void run(Arguments& a) {
  const std::string precision = !a.precision.empty() ? a.precision : a.half ? "fp16" : "fp32";
  a.request.int8 = precision == "int8";
  a.request.dtype = precision == "fp32" ? DType::kF32 : DType::kF16;
  const ConvertReport report = convert_model(a.request, open_any_model(a.request.input.string()));
  fmt::print("{}: {}\n", a.request.input.string(), report.layout);
  if (!report.dropped.empty())
    fmt::print("left behind (buffers, training state): {}\n", fmt::join(report.dropped, ", "));
  if (report.untrained_adapter)
    fmt::print(
        "a CLIP without side adapter: the model gets an untrained one, to be trained with `san train "
        "--init`\n");
  fmt::print("wrote {} ({:.1f} MB, {})\n", a.request.output.string(),
             static_cast<double>(std::filesystem::file_size(a.request.output)) / 1e6, precision);
}

}  // namespace

void add_convert(CLI::App& app) {
  auto* command =
      app.add_subcommand("convert", "Make a self-contained model file from a released checkpoint");
  const auto a = std::make_shared<Arguments>();
  ConvertRequest& r = a->request;
  command
      ->add_option("input", r.input,
                   "SAN .pth (zip or legacy), OpenAI CLIP .pt, open_clip or Hugging Face CLIP .safetensors, "
                   "a model file, the name of a fetched model, or \"default\", the built-in one")
      ->required();
  command->add_option("-o,--output", r.output, "Model file to write (.safetensors)")->required();
  command->add_option("--bpe", r.bpe,
                      "Tokenizer merges: bpe_simple_vocab_16e6.txt(.gz), merges.txt or tokenizer.json");
  command->add_option("--templates", r.templates, "Prompt templates: vild, imagenet, single, or a file")
      ->capture_default_str();
  command->add_option("--activation", r.activation, "quick_gelu or gelu, where the file does not tell");
  command->add_option("--set", r.set,
                      "field=value where shapes do not tell, e.g. heads=6, clip.heads=12, clip_scale=0.7");
  command->add_option("--title", r.title, "One sentence that says what the model is");
  command->add_option("--license", r.license, "Licence of the weights");
  auto* half = command->add_flag("--fp16", a->half, "Store matrices as float16 (half the size)");
  command
      ->add_option(
          "--precision", a->precision,
          "fp32, fp16, or int8: matrices of transformer blocks and the table of tokens as bytes, the "
          "others as float16 (about a quarter of the size; `san quantize` measures what that costs)")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->excludes(half);
  command->footer("Reads tensors only: nothing in a checkpoint is executed.");
  command->callback([a] { run(*a); });
}

}  // namespace san::cli
