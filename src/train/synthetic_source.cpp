#include "train/synthetic_source.h"

#include <array>

#include "base/random.h"

namespace san {
namespace {

constexpr std::uint64_t kTilePurpose = 103;

class SyntheticSamples : public SampleSource {
 public:
  SyntheticSamples(int size, std::vector<std::string> class_names, std::uint64_t seed)
      : size_(size), class_names_(std::move(class_names)), seed_(seed) {}
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int height() const override { return size_; }
  int width() const override { return size_; }
  int group(std::uint64_t) const override { return 0; }
  /// Tiles of one colour and class each, about as many classes as a COCO crop has.
  void fill(std::uint64_t position, std::uint8_t* rgb, Label* labels) const override {
    constexpr int kTiles = 3;
    Rng rng(seed_, kTilePurpose, position);
    std::array<Label, kTiles * kTiles> classes;
    for (auto& c : classes) c = static_cast<Label>(rng.below(static_cast<int>(class_names_.size())));
    for (int y = 0; y < size_; ++y)
      for (int x = 0; x < size_; ++x) {
        const Label c = classes[static_cast<std::size_t>(y * kTiles / size_ * kTiles + x * kTiles / size_)];
        *labels++ = c;
        for (int channel = 0; channel < 3; ++channel)
          *rgb++ = static_cast<std::uint8_t>((c * (37 + 50 * channel) + x + y) & 255);
      }
  }

 private:
  int size_;
  std::vector<std::string> class_names_;
  std::uint64_t seed_;
};

}  // namespace

std::shared_ptr<const SampleSource> synthetic_samples(int size, std::vector<std::string> class_names,
                                                      std::uint64_t seed) {
  return std::make_shared<SyntheticSamples>(size, std::move(class_names), seed);
}

}  // namespace san
