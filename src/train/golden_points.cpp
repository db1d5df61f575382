#include "train/golden_points.h"

#include "backend/torch/torch_parameters.h"
#include "base/error.h"
#include "base/hash.h"

namespace san {
namespace {
constexpr int kImages = 2, kCallsPerOutput = kImages + 2, kOutputs = 2;

std::uint64_t key(int call) {
  return fnv1a64(fmt::format("rand:{}", call));
}

}  // namespace

at::Tensor GoldenPoints::draw(PointUse use, int output, const std::vector<std::int64_t>& images,
                              std::int64_t points) {
  const int first = (step_ * kOutputs + output) * kCallsPerOutput;
  const auto rows = static_cast<std::int64_t>(images.size());
  std::vector<std::uint64_t> keys;
  for (std::int64_t i = 0; i < rows; ++i) {
    // Matching draws one call per image; the others all rows in one, counted on from row to row.
    if (use == PointUse::kMatching)
      keys.push_back(key(first + static_cast<int>(i)));
    else
      keys.push_back(key(first + kImages + (use == PointUse::kRandom ? 1 : 0)) +
                     static_cast<std::uint64_t>(i * points * 2));
  }
  return uniform_from_keys(keys, points, at::kCPU);
}

Targets golden_targets(const ParameterSource& file) {
  Targets targets;
  std::vector<at::Tensor> maps;
  for (int image = 0; image < kImages; ++image) {
    const std::vector<std::int64_t> labels = file.load(fmt::format("gt_labels{}", image)).to_i64();
    const at::Tensor masks = tensor_of(file.load(fmt::format("gt_masks{}", image)));
    at::Tensor map = at::full({masks.size(1), masks.size(2)}, -1, at::kInt);
    for (std::size_t i = 0; i < labels.size(); ++i)
      map.masked_fill_(masks[static_cast<std::int64_t>(i)] != 0, labels[i]);
    maps.push_back(map);
    targets.classes.push_back(labels);
  }
  targets.labels = at::stack(maps);
  return targets;
}

}  // namespace san
