#include "san/bank.hpp"

#include <algorithm>

#include "api/internal.h"
#include "bank/retrieval.h"
#include "engine/network_hash.h"

namespace san {

const Bank::Impl& Bank::impl() const {
  require(impl_ != nullptr, "bank: used after it was moved from");
  return *impl_;
}

std::shared_ptr<const Bank::Impl> Bank::Impl::make(ExampleBank bank) {
  std::vector<Class> classes;
  const std::vector<std::int64_t> pictures = bank.pictures_of_classes();
  for (std::size_t c = 0; c < bank.classes.size(); ++c)
    classes.push_back({bank.classes[c], pictures[c], std::ranges::count(bank.class_of, static_cast<int>(c))});
  return std::make_shared<const Impl>(Impl{std::move(bank), std::move(classes)});
}

Bank Bank::load(const std::filesystem::path& path) {
  return Bank(Impl::make(load_bank(path)));
}
void Bank::save(const std::filesystem::path& path) const {
  save_bank(impl().bank, path);
}
Bank Bank::read(std::span<const std::byte> bytes, const std::string& name) {
  return Bank(Impl::make(read_bank(FileBytes::hold({bytes.begin(), bytes.end()}, name))));
}
std::vector<std::byte> Bank::bytes() const {
  return write_bank(impl().bank);
}
const std::vector<Bank::Class>& Bank::classes() const {
  return impl().classes;
}
std::int64_t Bank::pictures() const {
  return impl().bank.pictures;
}
bool Bank::knows(const Vocabulary& vocabulary) const {
  const std::vector<int> places = places_in(impl().bank, vocabulary.classes());
  return std::ranges::any_of(places, [](int place) { return place >= 0; });
}
float Bank::weight() const {
  return impl().bank.weight;
}

std::optional<Bank::Gate> Bank::gate() const {
  const std::optional<PictureGate>& gate = impl().bank.gate;
  return gate ? std::optional(Gate{gate->open, gate->closed}) : std::nullopt;
}

struct BankBuilder::Impl {
  Segmenter segmenter;
  ExampleCollector examples;

  void add(const ImageView& picture, const LabelMap& labels, ExampleCollector::Kind kind,
           const SegmentationOptions& options);
};

BankBuilder::BankBuilder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BankBuilder::BankBuilder(BankBuilder&&) noexcept = default;
BankBuilder& BankBuilder::operator=(BankBuilder&&) noexcept = default;
BankBuilder::~BankBuilder() = default;

BankBuilder::Impl& BankBuilder::impl() const {
  require(impl_ != nullptr, "bank: the builder is used after it was moved from");
  return *impl_;
}

void BankBuilder::Impl::add(const ImageView& picture, const LabelMap& labels, ExampleCollector::Kind kind,
                            const SegmentationOptions& options) {
  require(labels.height == picture.height && labels.width == picture.width,
          "bank: labels of {} × {} pixels for a picture of {} × {}", labels.width, labels.height,
          picture.width, picture.height);
  const ImageFeatures features = segmenter.look(picture, options);
  Session& session = segmenter.impl().session;
  const Backend::CancelWhen stop(session.backend(), options.watch.cancelled);
  examples.add(session, features.impl().features, labels, kind);
}

void BankBuilder::add(const ImageView& picture, const LabelMap& labels, const SegmentationOptions& options) {
  impl().add(picture, labels, ExampleCollector::Kind::kScene, options);
}

void BankBuilder::add(const ImageView& picture, int class_index, const SegmentationOptions& options) {
  check_view(picture);
  impl().add(picture, middle_of(picture.height, picture.width, class_index), ExampleCollector::Kind::kThing,
             options);
}

std::size_t BankBuilder::add_regions(const ImageFeatures& features, const LabelMap& labels,
                                     const Watch& watch) {
  Session& session = impl().segmenter.impl().session;
  require(features.impl().engine.get() == &session.engine(),
          "bank: the features were made by another model; look at the picture with this one");
  const Backend::CancelWhen stop(session.backend(), watch.cancelled);
  return impl().examples.add_regions_of(session, features.impl().features, labels);
}

void BankBuilder::use(const Vocabulary& vocabulary) {
  impl().examples.use(vocabulary.impl().embeddings);
}

std::size_t BankBuilder::bytes() const {
  return impl().examples.bytes();
}

Bank BankBuilder::finish() const {
  return Bank(Bank::Impl::make(impl().examples.finish()));
}

BankBuilder Model::bank_builder(const Vocabulary& vocabulary) const {
  return BankBuilder(std::make_unique<BankBuilder::Impl>(
      BankBuilder::Impl{segmenter(), ExampleCollector(impl().engine, vocabulary.impl().embeddings)}));
}

BankBuilder Model::bank_builder(const Vocabulary& vocabulary, const Bank& bank) const {
  return BankBuilder(std::make_unique<BankBuilder::Impl>(BankBuilder::Impl{
      segmenter(), ExampleCollector(impl().engine, vocabulary.impl().embeddings, bank.impl().bank)}));
}

bool Model::takes(const Bank& bank) const {
  return impl().engine->method_info().examples &&
         bank.impl().bank.network == network_hash(impl().engine->model());
}

Vocabulary Model::with_bank(const Vocabulary& vocabulary, const Bank& bank, float weight) const {
  const LoadedModel& model = impl().engine->model();
  const MethodInfo& method = impl().engine->method_info();
  require(method.examples, "method {} takes no bank of examples: only method san does", method.name);
  require(vocabulary.impl().text_hash == model.text_hash,
          "bank: the vocabulary was made by another text tower than that of {}; make it with this model",
          model.name);
  return Vocabulary(Vocabulary::Impl::make(
      with_examples(*vocabulary.impl().embeddings, bank.impl().bank, network_hash(model), weight),
      model.text_hash));
}

}  // namespace san
