#include "train/dataset/dataset_source.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <mutex>
#include <numeric>

#include "base/error.h"
#include "base/input_file.h"
#include "image/codec/decode.h"
#include "image/codec/limits.h"

namespace san {
namespace {

enum Purpose : std::uint64_t { kShuffle = 101, kAugment, kHoldOut };

std::vector<std::size_t> shuffled(std::size_t count, Rng rng) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
  return order;
}

LabelMap read_labels(const Sample& sample, const DatasetSpec& spec, const DecodeOptions& decode) {
  LabelMap labels = decode_labels(sample.label, decode);
  for (Label& value : labels.labels)
    if (value == static_cast<Label>(spec.ignore) || value == kNoLabel16)
      value = kNoLabel;
    else
      require(value < static_cast<Label>(spec.class_count()),
              "{}: label {} though the dataset has {} classes and ignores {}", sample.label.string(), value,
              spec.class_count(), spec.ignore);
  return labels;
}

std::pair<Image, LabelMap> read_sample(const Sample& sample, const DatasetSpec& spec,
                                       const DecodeOptions& decode) {
  Image image = decode_image(sample.image, decode);
  LabelMap truth = read_labels(sample, spec, decode);
  require(image.height == truth.height && image.width == truth.width, "{} is {}×{}, {} {}×{}",
          sample.image.string(), image.height, image.width, sample.label.string(), truth.height, truth.width);
  return {std::move(image), std::move(truth)};
}

class DatasetSamples : public SampleSource {
 public:
  DatasetSamples(Dataset dataset, AugmentationOptions options, std::uint64_t seed, DecodeOptions decode)
      : dataset_(std::move(dataset)),
        options_(std::move(options)),
        seed_(seed),
        decode_(decode),
        orientation_(dataset_.samples.size()) {}

  const std::vector<std::string>& class_names() const override { return dataset_.spec.classes; }
  std::vector<ClassName> vocabulary() const override { return dataset_.spec.vocabulary(); }
  int height() const override { return options_.crop; }
  int width() const override { return options_.crop; }

  /// 1: wider than high, as the file's header says.
  int group(std::uint64_t position) const override {
    const std::size_t index = index_of(position);
    int known = orientation_[index];
    if (known == 0) {
      const std::filesystem::path& path = dataset_.samples[index].image;
      const ImageHeader header =
          checked_header(read_file(path, decode_.max_bytes).bytes, path.string(), decode_.max_pixels);
      known = header.width > header.height ? 2 : 1;
      orientation_[index] = known;
    }
    return known - 1;
  }

  void fill(std::uint64_t position, std::uint8_t* rgb, Label* labels) const override {
    const Sample& sample = dataset_.samples[index_of(position)];
    const auto [image, truth] = read_sample(sample, dataset_.spec, decode_);
    augment(draw_augmentation(options_, {image.height, image.width}, Rng(seed_, kAugment, position)), image,
            truth, options_.crop, kNoLabel, rgb, labels);
  }

 private:
  std::size_t index_of(std::uint64_t position) const {
    const auto count = static_cast<std::uint64_t>(dataset_.samples.size());
    return order(position / count)->at(static_cast<std::size_t>(position % count));
  }
  // The last two epochs are kept: loaders run ahead into the next one.
  std::shared_ptr<const std::vector<std::size_t>> order(std::uint64_t epoch) const {
    const std::lock_guard lock(mutex_);
    auto& slot = orders_[epoch % 2];
    if (!slot.second || slot.first != epoch) {
      slot = {epoch, std::make_shared<std::vector<std::size_t>>(
                         shuffled(dataset_.samples.size(), Rng(seed_, kShuffle, epoch)))};
    }
    return slot.second;
  }

  Dataset dataset_;
  AugmentationOptions options_;
  std::uint64_t seed_;
  DecodeOptions decode_;
  mutable std::vector<std::atomic<int>> orientation_;
  mutable std::mutex mutex_;
  mutable std::array<std::pair<std::uint64_t, std::shared_ptr<const std::vector<std::size_t>>>, 2> orders_;
};

class DatasetEvaluation : public EvaluationSet {
 public:
  DatasetEvaluation(Dataset dataset, DecodeOptions decode) : dataset_(std::move(dataset)), decode_(decode) {}
  const std::vector<std::string>& class_names() const override { return dataset_.spec.classes; }
  std::vector<ClassName> vocabulary() const override { return dataset_.spec.vocabulary(); }
  int size() const override { return static_cast<int>(dataset_.samples.size()); }
  std::vector<std::pair<std::string, std::vector<int>>> groups() const override { return {}; }
  EvaluationPicture load(int index, int short_side, int long_side) const override {
    auto [picture, truth] =
        read_sample(dataset_.samples[static_cast<std::size_t>(index)], dataset_.spec, decode_);
    const Size size = resize_shortest_edge({picture.height, picture.width}, short_side, long_side);
    Image shown = resize(picture, size.height, size.width, ResizeFilter::kBilinear);
    return {std::move(picture), std::move(truth), std::move(shown)};
  }

 private:
  Dataset dataset_;
  DecodeOptions decode_;
};

}  // namespace

std::shared_ptr<const SampleSource> dataset_samples(Dataset dataset, const AugmentationOptions& options,
                                                    std::uint64_t seed, const DecodeOptions& decode) {
  require(!dataset.samples.empty(), "{}: nothing to train on", dataset.spec.name);
  return std::make_shared<DatasetSamples>(std::move(dataset), options, seed, decode);
}

Dataset hold_out(Dataset& dataset, double share, std::uint64_t seed) {
  const std::size_t all = dataset.samples.size();
  Dataset held{dataset.spec, dataset.split, {}, {}};
  if (share <= 0 || all < 2) return held;
  const auto count = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::llround(share * static_cast<double>(all))), 1, all - 1);
  std::vector<bool> away(all);
  const std::vector<std::size_t> order = shuffled(all, Rng(seed, kHoldOut, 0));
  for (std::size_t i = 0; i < count; ++i) away[order[i]] = true;
  std::vector<Sample> kept;
  for (std::size_t i = 0; i < all; ++i) (away[i] ? held.samples : kept).push_back(dataset.samples[i]);
  dataset.samples = std::move(kept);
  return held;
}

std::shared_ptr<const EvaluationSet> dataset_evaluation(Dataset dataset, const DecodeOptions& decode) {
  return std::make_shared<DatasetEvaluation>(std::move(dataset), decode);
}

}  // namespace san
