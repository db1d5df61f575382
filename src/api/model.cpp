#include "san/model.hpp"

#include "api/internal.h"
#include "backend/count/count_backend.h"
#include "backend/factory/factory.h"
#include "embedded/default_model_card.h"
#include "engine/default_model.h"
#include "engine/int8_weights.h"
#include "model/san.h"

namespace san {
namespace {

/// The text below a Markdown heading, without it; empty where there is none.
std::string section(std::string_view markdown, std::string_view heading) {
  const std::string title = "\n## " + std::string(heading) + "\n";
  const std::size_t found = markdown.find(title);
  if (found == std::string_view::npos) return "";
  std::string_view text = markdown.substr(found + title.size());
  text = text.substr(0, text.find("\n## "));
  const std::size_t first = text.find_first_not_of('\n'), last = text.find_last_not_of('\n');
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

void check_threads(int threads) {
  require(threads >= 0 && threads <= 1024,
          "threads: {} were asked for; expected 1 to 1024, or 0 for one per "
          "processor",
          threads);
}

Grid padded(Size size) {
  constexpr int kMultiple = 32;
  const auto up = [](int side) { return (side + kMultiple - 1) / kMultiple * kMultiple; };
  return {up(size.height), up(size.width)};
}

}  // namespace

ThreadBudget::ThreadBudget(int threads) {
  check_threads(threads);
  pool_ = std::make_shared<ThreadPool>(threads);
}

int ThreadBudget::threads() const {
  require(pool_ != nullptr, "thread budget: used after it was moved from");
  return pool_->size();
}

std::vector<std::string> backends() {
  return backend_names();
}

std::vector<std::string> methods() {
  return method_names();
}

Model Model::load(const std::string& model, const ModelOptions& options) {
  check_threads(options.threads);
  const ThreadBudget budget = options.budget ? *options.budget : ThreadBudget(options.threads);
  ModelOptions chosen = options;
  LoadedModel loaded =
      load_model(model, {options.bpe_file.string(), options.formula_seed, options.calibration});
  chosen.precision = chosen_precision(options.backend, options.precision, !loaded.int8.empty());
  chosen.text_precision = chosen_text_precision(options.backend, options.text_precision);
  loaded.text_precision = chosen.text_precision;
  std::unique_ptr<Backend> backend =
      make_backend(options.backend, {budget.threads(), options.device, chosen.precision, budget.pool_,
                                     int8_rule(loaded), chosen.text_precision, text_rule(loaded)});
  auto engine = std::make_shared<const Engine>(std::move(loaded), std::move(backend), options.method);
  return Model(std::make_shared<const Impl>(Impl{std::move(engine), budget.pool_, std::move(chosen)}));
}

const Model::Impl& Model::impl() const {
  require(impl_ != nullptr, "model: used after it was moved from");
  return *impl_;
}

const std::string& Model::description() const {
  return impl().engine->model().description;
}

ModelFacts Model::facts() const {
  const LoadedModel& m = impl().engine->model();
  const Engine& engine = *impl().engine;
  ModelFacts f;
  f.name = m.name;
  f.description = m.description;
  f.license = m.license;
  f.card = m.card;
  f.limits = section(m.name == "default" && has_default_model() ? embedded::default_model_card() : m.card,
                     "What it cannot do");
  f.method = engine.method_info().name;
  f.backend = impl().options.backend;
  f.device = impl().options.device;
  f.precision = impl().options.precision;
  f.text_precision = impl().options.text_precision;
  f.knows_background = engine.method_info().background;
  f.makes_masks = engine.method_info().masks;
  f.takes_banks = engine.method_info().examples;
  f.curve = engine.curve();
  f.random_weights = m.random_weights;
  f.untrained_adapter = m.untrained_adapter;
  const ArchitectureInfo architecture = find_architecture(m.architecture, m.name);
  for (const Declaration& d : architecture.parameters(m.config)) {
    f.parameters += d.shape.elements();
    if (d.name.starts_with("ov_classifier.")) f.text_parameters += d.shape.elements();
  }
  f.short_side = engine.method().input().short_side;
  f.long_side = engine.method().input().long_side;
  const TextTower text = architecture.text(m.config);
  f.embedding = text.dim;
  f.context = text.context;
  f.templates = m.templates.texts;
  return f;
}

PictureCost Model::cost(int height, int width) const {
  require(height > 0 && width > 0, "cost: a picture of {} × {} pixels; both sides must be at least 1", width,
          height);
  const SanConfig c = san_config(impl().engine->model(), "the cost of a picture");
  const Grid size = padded(
      resize_shortest_edge({height, width}, static_cast<int>(c.short_side), static_cast<int>(c.long_side)));
  const auto b = make_count_backend(CountMode::kNeeded);
  ParamLoader loader;
  const San network(loader, c);
  const std::vector<float> image(static_cast<std::size_t>(size.tokens() * 3));
  network.forward(*b, b->from_host({1, size.tokens(), 3}, image), size);
  const Cost cost = b->cost();
  return {static_cast<int>(size.height), static_cast<int>(size.width), cost.macs, cost.peak_activation_bytes};
}

Segmenter Model::segmenter() const {
  const Impl& m = impl();
  return Segmenter(
      std::unique_ptr<Segmenter::Impl>(new Segmenter::Impl{Session(m.engine, m.pool), m.pool, m.engine}));
}

}  // namespace san
