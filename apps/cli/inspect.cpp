#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "backend/count/count_backend.h"
#include "base/error.h"
#include "base/utf8.h"
#include "commands.h"
#include "common.h"
#include "engine/loaded_model.h"
#include "model/san.h"

namespace san::cli {
namespace {

struct Arguments {
  ModelArguments model;
  std::string size = "640x640";
  bool json = false, parameters = false;
};

struct Part {
  std::int64_t trainable = 0, frozen = 0;
};

std::map<std::string, Part> count_parameters(const SanConfig& config) {
  std::map<std::string, Part> parts;
  for (const Declaration& d : declare_parameters(config)) {
    Part& part = parts[d.name.substr(0, d.name.find('.'))];
    (d.trainable ? part.trainable : part.frozen) += d.shape.elements();
  }
  return parts;
}

Cost image_cost(const SanConfig& config, Grid size, CountMode mode) {
  const auto b = make_count_backend(mode);
  ParamLoader loader;
  const San network(loader, config);
  const std::vector<float> image(static_cast<std::size_t>(size.tokens() * 3));
  network.forward(*b, b->from_host({1, size.tokens(), 3}, image), size);
  return b->cost();
}

Cost prompt_cost(const SanConfig& config) {
  const auto b = make_count_backend(CountMode::kDefinition);
  ParamLoader loader;
  const ClipText tower(ParamScope(loader, "ov_classifier"), config.clip);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(config.clip.context));
  tower.forward(*b, b->from_ids({1, config.clip.context}, ids));
  return b->cost();
}

void run(const Arguments& a) {
  const LoadedModel model = a.model.load();
  // Looked at only now: what is told is told of all of the file.
  static_cast<void>(model.tokenizer->merges());
  const SanConfig c = san_config(model, "san inspect");
  const Grid size = parse_size(a.size);
  const auto parts = count_parameters(c);
  const Cost definition = image_cost(c, size, CountMode::kDefinition),
             needed = image_cost(c, size, CountMode::kNeeded);
  Part total;
  for (const auto& [name, part] : parts) total.trainable += part.trainable, total.frozen += part.frozen;

  const std::vector<std::string> methods = method_names(model.architecture);
  if (a.json) {
    nlohmann::ordered_json out{
        {"model", model.name}, {"description", model.description}, {"license", model.license}};
    out["architecture"] = model.architecture;
    out["methods"] = methods;
    out["config"] = nlohmann::ordered_json::parse(c.to_json());
    out["parameters"] = {{"trainable", total.trainable}, {"frozen", total.frozen}};
    for (const auto& [name, part] : parts)
      out["parts"][name] = {{"trainable", part.trainable}, {"frozen", part.frozen}};
    out["size"] = a.size;
    out["macs"] = definition.macs;
    out["needed_macs"] = needed.macs;
    out["prompt_macs"] = prompt_cost(c).macs;
    out["peak_activation_bytes"] = needed.peak_activation_bytes;
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("{}\n{}\n\n", printable(model.name), printable_lines(model.description));
  if (!model.license.empty()) fmt::print("licence            {}\n", printable_lines(model.license));
  fmt::print("architecture       {}; --method {}\n", model.architecture, fmt::join(methods, ", "));
  fmt::print("CLIP vision        width {}, {} blocks, {} heads, patch {}, grid {}×{}, {}\n", c.clip.width,
             c.clip.layers, c.clip.heads, c.clip.patch, c.clip.grid, c.clip.grid,
             activation_name(c.clip.activation));
  fmt::print("CLIP text          width {}, {} blocks, {} heads, context {}, {} tokens\n", c.clip.text_width,
             c.clip.text_layers, c.clip.text_heads, c.clip.context, c.clip.vocabulary);
  fmt::print("joint embedding    {}\n", c.clip.embed_dim);
  fmt::print("side adapter       width {}, {} blocks, {} heads, patch {}, trained at {}, {} queries\n",
             c.width, c.blocks, c.heads, c.patch, c.image_size, c.queries);
  fmt::print("CLIP input         {} × the image; features from blocks", c.clip_scale);
  for (const auto& [block, layer] : c.fusion) fmt::print(" {}→{}", layer, block);
  fmt::print("; recognition from block {}\n", c.recognition_start() + 1);
  fmt::print("templates          {} ({})\n\n", model.templates.texts.size(), model.templates.name);

  fmt::print("{:<24}{:>14}{:>14}\n", "parameters", "trainable", "frozen");
  for (const auto& [name, part] : parts)
    fmt::print("{:<24}{:>14}{:>14}\n", name, part.trainable, part.frozen);
  fmt::print("{:<24}{:>14}{:>14}\n\n", "total", total.trainable, total.frozen);

  const auto giga = [](std::int64_t n) { return static_cast<double>(n) / 1e9; };
  fmt::print(
      "multiply-adds, image branch at {}: {:.1f} G as the paper defines it, {:.1f} G needed with exact "
      "rewrites\n",
      a.size, giga(definition.macs), giga(needed.macs));
  fmt::print("multiply-adds per prompt of {} tokens: {:.2f} G\n", c.clip.context, giga(prompt_cost(c).macs));
  fmt::print("activations alive at once, float32: {:.0f} MB\n",
             static_cast<double>(needed.peak_activation_bytes) / 1e6);
  if (!model.card.empty()) fmt::print("\n{}\n", printable_lines(model.card));
  if (!a.parameters) return;
  fmt::print("\n");
  for (const Declaration& d : declare_parameters(c))
    fmt::print("{:<80} {:<20} {}\n", d.name, d.shape.str(), d.trainable ? "trainable" : "frozen");
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "Show a model: configuration, parameters, multiply-adds");
  const auto a = std::make_shared<Arguments>();
  a->model.add_to(*command);
  command->add_option("--size", a->size, "Padded input as HEIGHTxWIDTH, for the multiply-adds")
      ->capture_default_str();
  command->add_flag("--parameters", a->parameters, "List every parameter");
  command->add_flag("--json", a->json, "JSON on standard output");
  command->callback([a] { run(*a); });
}

}  // namespace san::cli
