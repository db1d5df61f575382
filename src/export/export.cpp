#include "export/export.h"

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "engine/encode_vocabulary.h"
#include "engine/loaded_model.h"
#include "export/graphs.h"
#include "export/metadata.h"
#include "export/tokenizer_json.h"

namespace san {
namespace {

namespace fs = std::filesystem;

class Exporter {
 public:
  Exporter(const ExportRequest& r, const Backend& backend)
      : request_(r), model_(load_model(r.model, {r.bpe, {}})), config_(san_config(model_, "san export")) {
    require(r.names.empty() || !r.classes,
            "--static-vocabulary is for classes that are an input; these are folded in");
    if (r.names.empty()) return;
    EncodingOptions options;
    options.use_cache = false;
    options.quiet = r.quiet;
    options.cancelled = r.cancelled;
    words_ = encode_vocabulary(model_, backend, r.names, options);
    folded_.rows = words_->rows;
    for (const int c : words_->row_classes()) folded_.row_class.push_back(c);
  }

  std::vector<ExportedFile> run() {
    // All are recorded before any is written.
    OnnxGraph image("image_branch", request_.opset, request_.half);
    record_image_branch(image, config_, *model_.parameters,
                        {request_.height, request_.width, request_.classes}, {}, folded_.rows);
    OnnxGraph segmenter("segmenter", request_.opset, request_.half);
    if (request_.segmenter) record_segmenter(segmenter, config_, *model_.parameters, folded_);
    OnnxGraph text("text_tower", request_.opset, request_.half);
    record_text_tower(text, config_, *model_.parameters, model_.tokenizer->end_token());
    std::error_code error;
    fs::create_directories(request_.folder, error);
    require(fs::is_directory(request_.folder), "{}: expected a folder to write into{}{}",
            request_.folder.string(), error ? ": " : "", error ? error.message() : "");
    save(image, "image.onnx");
    if (request_.segmenter) save(segmenter, "segmenter.onnx");
    save(text, "text.onnx");
    write("tokenizer.json", tokenizer_json(*model_.tokenizer), "for Hugging Face tokenizers");
    write("metadata.json", export_metadata(model_, config_, request_, words_.get()),
          "what a consumer must know");
    return std::move(files_);
  }

 private:
  void save(OnnxGraph& graph, const std::string& name) {
    graph.metadata("model", model_.name);
    if (!model_.license.empty()) graph.metadata("license", model_.license);
    const fs::path path = request_.folder / name;
    Progress bar(name, graph.weight_bytes(), request_.quiet, Progress::Unit::kBytes);
    graph.save(path, {request_.external_data, [&](std::int64_t done, std::int64_t) {
                        if (request_.cancelled && *request_.cancelled)
                          fail("interrupted while writing {}", path.string());
                        bar.advance(done - bar.done());
                      }});
    add(path, fmt::format("{} nodes, operator set {}", graph.nodes(), graph.opset()));
  }
  void write(const std::string& name, const std::string& content, const std::string& summary) {
    write_file_atomically(request_.folder / name, content);
    add(request_.folder / name, summary);
  }
  void add(const fs::path& path, const std::string& summary) {
    files_.push_back({path, static_cast<std::int64_t>(fs::file_size(path)), summary});
    const fs::path data = path.string() + ".data";
    if (request_.external_data && path.extension() == ".onnx")
      files_.push_back({data, static_cast<std::int64_t>(fs::file_size(data)), "its weights"});
  }

  const ExportRequest& request_;
  const LoadedModel model_;
  const SanConfig config_;
  std::shared_ptr<const TextEmbeddings> words_;  // none: an input
  FoldedClasses folded_;
  std::vector<ExportedFile> files_;
};

}  // namespace

std::vector<ExportedFile> export_onnx(const ExportRequest& request, const Backend& backend) {
  return Exporter(request, backend).run();
}

}  // namespace san
