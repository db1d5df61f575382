#include "bank/builder.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "bank/examples.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/labels.h"
#include "base/reader_limit.h"
#include "engine/network_hash.h"
#include "text/text_cleaning.h"

namespace san {
namespace {

// Of the first named regions, which cannot tell; measured, docs/accuracy.md.
constexpr float kFirstWeight = 0.1f;

/// Logits of the classes from those of the names: of each class the largest.
void merge_names(const TextEmbeddings& words, const float* rows, float* classes) {
  for (std::size_t c = 0; c < words.classes.size(); ++c)
    classes[c] = *std::max_element(rows + words.first_row[c], rows + words.first_row[c + 1]);
}

void check_words(const TextEmbeddings& words) {
  require(words.distractors == 0 && !words.examples,
          "bank: the words have distractors or examples of their own; make them without");
}

}  // namespace

ExampleCollector::ExampleCollector(std::shared_ptr<const Engine> engine,
                                   std::shared_ptr<const TextEmbeddings> words)
    : engine_(std::move(engine)), words_(std::move(words)), regions_(static_cast<std::size_t>(words_->dim)) {
  require(engine_->method_info().examples, "method {} takes no bank of examples: only method san does",
          engine_->method_info().name);
  check_words(*words_);
  bank_.network = network_hash(engine_->model());
  bank_.classes = words_->classes;
  bank_.dim = words_->dim;
}

ExampleCollector::ExampleCollector(std::shared_ptr<const Engine> engine,
                                   std::shared_ptr<const TextEmbeddings> words, const ExampleBank& bank)
    : ExampleCollector(std::move(engine), std::move(words)) {
  require(bank.network == bank_.network && bank.dim == bank_.dim,
          "bank: its examples are another network's; make it anew with this model");
  const std::shared_ptr<const TextEmbeddings> wanted = words_;
  bank_ = bank;
  before_ = bank;
  before_->examples.clear();
  use(wanted);
}

void ExampleCollector::use(std::shared_ptr<const TextEmbeddings> words) {
  check_words(*words);
  require(words->dim == bank_.dim, "bank: examples of {} values for words of {}", bank_.dim, words->dim);
  std::map<std::u32string, int> places;
  for (std::size_t c = 0; c < words->classes.size(); ++c)
    places.emplace(clean_text(words->classes[c]), static_cast<int>(c));
  std::vector<std::int32_t> class_of;
  for (const std::int32_t c : bank_.class_of) {
    const std::string& name = bank_.classes[static_cast<std::size_t>(c)];
    const auto found = places.find(clean_text(name));
    require(found != places.end(), "bank: it has examples of {}, which is none of the classes", name);
    class_of.push_back(found->second);
  }
  bank_.class_of = std::move(class_of);
  bank_.classes = words->classes;
  words_ = std::move(words);
  renamed_ = true;
}

void ExampleCollector::add_regions(const MaskFeatures& seen, Kind kind) {
  const std::vector<int> visible = visible_queries(seen);
  const std::size_t dim = regions_.dim();
  for (const int q : visible)
    regions_.add(std::span(seen.embeddings).subspan(static_cast<std::size_t>(q) * dim, dim));
  if (kind == Kind::kScene) gate_.add(seen.embeddings, visible);
}

Logits ExampleCollector::name(Session& session, const std::shared_ptr<const Features>& features,
                              std::size_t examples) {
  ReaderLimit(BankLimits::kExamples)
      .check(static_cast<std::uint64_t>(bank_.count()) + examples, "bank", "examples");
  if (renamed_) name_again(session, own<MaskFeatures>(*features));
  return session.name(features, words_);
}

void ExampleCollector::append(const std::vector<RegionExample>& examples, std::int32_t picture,
                              const Logits& logits) {
  const auto columns = static_cast<std::size_t>(words_->row_count()) + 1;
  for (const RegionExample& e : examples) {
    bank_.examples.insert(bank_.examples.end(), e.embedding.begin(), e.embedding.end());
    bank_.class_of.push_back(e.class_index);
    bank_.picture_of.push_back(picture);
    bank_.shares.push_back(e.share);
    word_logits_.resize(word_logits_.size() + words_->classes.size());
    merge_names(*words_, logits.values.data() + static_cast<std::size_t>(e.query) * columns,
                word_logits_.data() + word_logits_.size() - words_->classes.size());
  }
}

std::size_t ExampleCollector::add(Session& session, const std::shared_ptr<const Features>& features,
                                  const LabelMap& truth, Kind kind) {
  const auto& seen = own<MaskFeatures>(*features);
  const std::vector<RegionExample> examples =
      pool_examples(seen, truth, static_cast<int>(words_->classes.size()));
  const Logits logits = name(session, features, examples.size());
  append(examples, static_cast<std::int32_t>(bank_.pictures), logits);
  add_regions(seen, kind);
  ++bank_.pictures;
  return examples.size();
}

std::size_t ExampleCollector::add_regions_of(Session& session,
                                             const std::shared_ptr<const Features>& features,
                                             const LabelMap& named) {
  const auto& seen = own<MaskFeatures>(*features);
  const std::vector<RegionExample> examples =
      pool_examples(seen, named, static_cast<int>(words_->classes.size()));
  if (examples.empty()) return 0;
  const Logits logits = name(session, features, examples.size());
  Sha256 content;
  content.update(std::as_bytes(std::span(seen.embeddings)));
  const auto [place, is_new] = of_content_.emplace(content.hex(), static_cast<std::int32_t>(bank_.pictures));
  if (!is_new) forget(place->second, examples);
  append(examples, place->second, logits);
  share_evenly(place->second);
  if (is_new) {
    add_regions(seen, Kind::kScene);
    ++bank_.pictures;
  }
  return examples.size();
}

void ExampleCollector::forget(std::int32_t picture, const std::vector<RegionExample>& examples) {
  const auto dim = static_cast<std::size_t>(bank_.dim), classes = bank_.classes.size();
  const auto again = [&](std::size_t i) {
    return bank_.picture_of[i] == picture && std::ranges::any_of(examples, [&](const RegionExample& e) {
             return std::ranges::equal(e.embedding, std::span(bank_.examples).subspan(i * dim, dim));
           });
  };
  std::size_t kept = 0;
  for (std::size_t i = 0; i < bank_.class_of.size(); ++i) {
    if (again(i)) continue;
    std::copy_n(bank_.examples.data() + i * dim, dim, bank_.examples.data() + kept * dim);
    std::copy_n(word_logits_.data() + i * classes, classes, word_logits_.data() + kept * classes);
    bank_.class_of[kept] = bank_.class_of[i];
    bank_.picture_of[kept] = bank_.picture_of[i];
    bank_.shares[kept++] = bank_.shares[i];
  }
  bank_.examples.resize(kept * dim);
  word_logits_.resize(kept * classes);
  bank_.class_of.resize(kept);
  bank_.picture_of.resize(kept);
  bank_.shares.resize(kept);
}

void ExampleCollector::share_evenly(std::int32_t picture) {
  std::map<std::int32_t, float> sums;
  for (std::size_t i = 0; i < bank_.shares.size(); ++i)
    if (bank_.picture_of[i] == picture) sums[bank_.class_of[i]] += bank_.shares[i];
  for (std::size_t i = 0; i < bank_.shares.size(); ++i)
    if (bank_.picture_of[i] == picture)
      bank_.shares[i] = std::min(bank_.shares[i] / sums[bank_.class_of[i]], 1.0f);
}

/// The logits of all examples by the present words: the network is shown them in place of what `seen` holds.
void ExampleCollector::name_again(Session& session, const MaskFeatures& seen) {
  const std::size_t dim = regions_.dim(), queries = seen.embeddings.size() / dim,
                    classes = words_->classes.size(), count = bank_.class_of.size();
  const auto columns = static_cast<std::size_t>(words_->row_count()) + 1;
  word_logits_.assign(count * classes, 0);
  for (std::size_t begin = 0; begin < count; begin += queries) {
    const auto shown = std::make_shared<MaskFeatures>();
    shown->height = seen.height;
    shown->width = seen.width;
    shown->view = seen.view;
    shown->embeddings = seen.embeddings;
    const std::size_t n = std::min(queries, count - begin);
    std::copy_n(bank_.examples.data() + begin * dim, n * dim, shown->embeddings.begin());
    const Logits logits = session.name(shown, words_);
    for (std::size_t i = 0; i < n; ++i)
      merge_names(*words_, logits.values.data() + i * columns, word_logits_.data() + (begin + i) * classes);
  }
  renamed_ = false;
}

/// Whether leaving out one picture after the other says something: few named regions would only show that
/// what nobody has named yet is not known.
bool ExampleCollector::tells_its_weight() const {
  if (of_content_.empty()) return true;
  std::map<std::int32_t, std::set<std::int32_t>> pictures_of;
  for (std::size_t i = 0; i < bank_.class_of.size(); ++i)
    pictures_of[bank_.class_of[i]].insert(bank_.picture_of[i]);
  std::set<std::int32_t> telling;
  for (const auto& [c, pictures] : pictures_of)
    if (pictures.size() > 1) telling.insert(pictures.begin(), pictures.end());
  return telling.size() >= GateCalibration::kLeastPictures;
}

std::size_t ExampleCollector::bytes() const {
  const std::size_t floats = bank_.examples.size() + word_logits_.size() + bank_.covariance.size() +
                             (before_ ? before_->covariance.size() : 0);
  return floats * sizeof(float) + regions_.products.size() * sizeof(double) + gate_.bytes();
}

ExampleBank ExampleCollector::finish() const {
  require(bank_.count() > 0, "bank: no picture shows one of the classes");
  ExampleBank bank = bank_;
  const std::int64_t added = bank_.pictures - (before_ ? before_->pictures : 0);
  if (added == 0) return bank;
  const std::size_t dim = regions_.dim();
  RegionSums regions = regions_;
  if (before_)
    regions.add(before_->mean, before_->covariance,
                regions_.count * static_cast<double>(before_->pictures) / static_cast<double>(added));
  const std::vector<double> mean = regions.mean(), covariance = regions.covariance();
  bank.mean.assign(mean.begin(), mean.end());
  bank.covariance.resize(dim * dim);
  for (std::size_t a = 0; a < dim; ++a)
    for (std::size_t b = 0; b <= a; ++b)
      bank.covariance[a * dim + b] = bank.covariance[b * dim + a] =
          static_cast<float>(covariance[a * dim + b]);
  if (!before_ || !before_->gate) bank.gate = gate_.finish(regions);
  bank.weight = tells_its_weight() ? calibrate(bank, word_logits_) : before_ ? before_->weight : kFirstWeight;
  return bank;
}

LabelMap middle_of(int height, int width, int class_index) {
  constexpr double kReach = 0.35;
  LabelMap map(height, width, kNoLabel);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double dy = ((y + 0.5) / height - 0.5) / kReach, dx = ((x + 0.5) / width - 0.5) / kReach;
      if (dx * dx + dy * dy <= 1) map.row(y)[x] = static_cast<Label>(class_index);
    }
  return map;
}

}  // namespace san
