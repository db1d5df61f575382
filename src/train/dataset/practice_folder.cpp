#include "train/dataset/practice_folder.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"
#include "image/codec/encode.h"

namespace san {
namespace {

constexpr int kLong = 640, kShort = 480, kRegions = 8;
constexpr float kNoise = 12;  // of 255
constexpr std::uint64_t kPurpose = 104;

struct Region {
  float y, x;
  Label label;
  std::array<float, 3> color;
};

}  // namespace

DatasetSpec write_practice_folder(const std::filesystem::path& folder, int count, int classes) {
  for (const char* part : {"images", "labels"}) std::filesystem::create_directories(folder / part);
  for (int i = 0; i < count; ++i) {
    Rng rng(1, kPurpose, static_cast<std::uint64_t>(i));
    const bool upright = i % 3 == 2;
    Image image(upright ? kLong : kShort, upright ? kShort : kLong);
    LabelMap labels(image.height, image.width, 0);
    std::array<Region, kRegions> regions;
    for (Region& r : regions) {
      r = {rng.uniform(0, static_cast<float>(image.height)),
           rng.uniform(0, static_cast<float>(image.width)),
           static_cast<Label>(rng.below(classes)),
           {rng.uniform(40, 215), rng.uniform(40, 215), rng.uniform(40, 215)}};
    }
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x) {
        const auto distance = [&](const Region& r) {
          return std::hypot(static_cast<float>(y) - r.y, static_cast<float>(x) - r.x);
        };
        const Region& nearest = *std::ranges::min_element(
            regions, [&](const Region& a, const Region& b) { return distance(a) < distance(b); });
        labels.row(y)[x] = nearest.label;
        const float shade = 25 * std::sin(distance(nearest) / 9);
        for (std::size_t c = 0; c < 3; ++c)
          image.row(y)[3 * x + static_cast<int>(c)] =
              static_cast<std::uint8_t>(nearest.color[c] + shade + rng.uniform(-kNoise, kNoise));
      }
    write_jpeg(folder / fmt::format("images/{:03}.jpg", i), image);
    write_labels(folder / fmt::format("labels/{:03}.png", i), labels);
  }
  std::string names;
  for (int c = 0; c < classes; ++c) names += fmt::format("class {}\n", c);
  write_file_atomically(folder / "classes.txt", names);
  return describe_folders(folder / "images", folder / "labels", folder / "classes.txt");
}

}  // namespace san
