#include "bank/builder.h"

#include <algorithm>
#include <cmath>

#include "bank/examples.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/labels.h"

namespace san {
namespace {

constexpr std::int64_t kSmallParameter = 1 << 15;

/// Logits of the classes from those of the names: of each class the largest.
void merge_names(const TextEmbeddings& words, const float* rows, float* classes) {
  for (std::size_t c = 0; c < words.classes.size(); ++c)
    classes[c] = *std::max_element(rows + words.first_row[c], rows + words.first_row[c + 1]);
}

}  // namespace

std::string network_hash(const LoadedModel& model) {
  Sha256 hash;
  hash.update(model.config.json);
  for (const std::string& name : model.parameters->names()) {
    const Shape shape = model.parameters->shape(name);
    hash.update(name).update(shape.str());
    if (shape.elements() > kSmallParameter) continue;
    const std::vector<float> values = model.parameters->load(name).to_f32();
    hash.update(std::as_bytes(std::span(values)));
  }
  return hash.hex();
}

ExampleCollector::ExampleCollector(std::shared_ptr<const Engine> engine,
                                   std::shared_ptr<const TextEmbeddings> words)
    : engine_(std::move(engine)), words_(std::move(words)), regions_(static_cast<std::size_t>(words_->dim)) {
  require(engine_->method_info().examples, "method {} takes no bank of examples: only method san does",
          engine_->method_info().name);
  require(words_->distractors == 0 && !words_->examples,
          "bank: the words have distractors or examples of their own; make them without");
  bank_.network = network_hash(engine_->model());
  bank_.classes = words_->classes;
  bank_.dim = words_->dim;
}

void ExampleCollector::add_regions(const MaskFeatures& seen, Kind kind) {
  const std::vector<int> visible = visible_queries(seen);
  const std::size_t dim = regions_.dim();
  for (const int q : visible)
    regions_.add(std::span(seen.embeddings).subspan(static_cast<std::size_t>(q) * dim, dim));
  if (kind == Kind::kScene) gate_.add(seen.embeddings, visible);
}

std::size_t ExampleCollector::add(Session& session, const std::shared_ptr<const Features>& features,
                                  const LabelMap& truth, Kind kind) {
  const auto classes = static_cast<int>(words_->classes.size());
  const auto& seen = own<MaskFeatures>(*features);
  const std::vector<RegionExample> examples = pool_examples(seen, truth, classes);
  require(bank_.count() + static_cast<std::int64_t>(examples.size()) <= BankLimits::kExamples,
          "bank: more than {} examples", BankLimits::kExamples);
  const Logits logits = session.name(features, words_);
  const auto columns = static_cast<std::size_t>(words_->row_count()) + 1;
  for (const RegionExample& e : examples) {
    bank_.examples.insert(bank_.examples.end(), e.embedding.begin(), e.embedding.end());
    bank_.class_of.push_back(e.class_index);
    bank_.picture_of.push_back(static_cast<std::int32_t>(bank_.pictures));
    bank_.shares.push_back(e.share);
    word_logits_.resize(word_logits_.size() + words_->classes.size());
    merge_names(*words_, logits.values.data() + static_cast<std::size_t>(e.query) * columns,
                word_logits_.data() + word_logits_.size() - words_->classes.size());
  }
  add_regions(seen, kind);
  ++bank_.pictures;
  return examples.size();
}

ExampleBank ExampleCollector::finish() const {
  require(bank_.count() > 0, "bank: no picture shows one of the classes");
  ExampleBank bank = bank_;
  const std::size_t dim = regions_.dim();
  const std::vector<double> mean = regions_.mean(), covariance = regions_.covariance();
  bank.mean.assign(mean.begin(), mean.end());
  bank.covariance.resize(dim * dim);
  for (std::size_t a = 0; a < dim; ++a)
    for (std::size_t b = 0; b <= a; ++b)
      bank.covariance[a * dim + b] = bank.covariance[b * dim + a] =
          static_cast<float>(covariance[a * dim + b]);
  bank.gate = gate_.finish(regions_);
  bank.weight = calibrate(bank, word_logits_);
  return bank;
}

LabelMap middle_of(int height, int width, int class_index) {
  constexpr double kReach = 0.35;
  LabelMap map(height, width, kNoLabel);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double dy = ((y + 0.5) / height - 0.5) / kReach, dx = ((x + 0.5) / width - 0.5) / kReach;
      if (dx * dx + dy * dy <= 1) map.row(y)[x] = static_cast<std::uint16_t>(class_index);
    }
  return map;
}

}  // namespace san
