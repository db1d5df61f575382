#include "train/points.h"

#include "base/error.h"
#include "base/hash.h"

namespace san {

namespace {

// splitmix64 on int64 tensors: wrapping arithmetic, logical shifts.
at::Tensor splitmix(const at::Tensor& counter) {
  const auto shifted = [](const at::Tensor& z, int bits) {
    return z.bitwise_right_shift(bits).bitwise_and((std::int64_t{1} << (64 - bits)) - 1);
  };
  const auto constant = [](std::uint64_t c) { return static_cast<std::int64_t>(c); };
  at::Tensor z = counter + constant(0x9e3779b97f4a7c15ull);
  z = z.bitwise_xor(shifted(z, 30)) * constant(0xbf58476d1ce4e5b9ull);
  z = z.bitwise_xor(shifted(z, 27)) * constant(0x94d049bb133111ebull);
  return z.bitwise_xor(shifted(z, 31));
}

}  // namespace

at::Tensor uniform_from_keys_by_ops(const std::vector<std::uint64_t>& keys, std::int64_t points,
                                    at::Device device) {
  const at::Tensor key =
      at::tensor(std::vector<std::int64_t>(keys.begin(), keys.end()), at::kLong).to(device);
  const at::Tensor counter = key.unsqueeze(1) + at::arange(2 * points, key.options());
  const at::Tensor bits = splitmix(counter).bitwise_right_shift(40).bitwise_and((1 << 24) - 1);
  return (bits.to(at::kFloat) * 0x1p-24).view({static_cast<std::int64_t>(keys.size()), points, 2});
}

at::Tensor uniform_from_keys(const std::vector<std::uint64_t>& keys, std::int64_t points, at::Device device) {
  if (!device.is_cpu()) return uniform_from_keys_by_ops(keys, points, device);
  at::Tensor values = at::empty({static_cast<std::int64_t>(keys.size()), points, 2}, at::kFloat);
  float* out = values.data_ptr<float>();
  for (const std::uint64_t key : keys)
    for (std::int64_t i = 0; i < 2 * points; ++i)
      *out++ = static_cast<float>(splitmix64(key + static_cast<std::uint64_t>(i)) >> 40) * 0x1p-24f;
  return values;
}

SeededPoints::SeededPoints(at::Device device, std::uint64_t seed, std::int64_t step, std::int64_t first_image)
    : device_(device),
      key_(splitmix64(splitmix64(seed) ^ static_cast<std::uint64_t>(step))),
      first_image_(first_image) {}

at::Tensor SeededPoints::draw(PointUse use, int output, const std::vector<std::int64_t>& images,
                              std::int64_t points) {
  std::vector<std::uint64_t> keys;
  std::uint64_t row = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    row = i > 0 && images[i] == images[i - 1] ? row + 1 : 0;
    const auto image = static_cast<std::uint64_t>(first_image_ + images[i]);
    const std::uint64_t place =
        (static_cast<std::uint64_t>(output) * 4 + static_cast<std::uint64_t>(use)) << 32 | row;
    keys.push_back(splitmix64(splitmix64(key_ ^ splitmix64(image)) ^ splitmix64(place)));
  }
  return uniform_from_keys(keys, points, device_);
}

at::Tensor sample_points(const at::Tensor& maps, const at::Tensor& points) {
  const at::Tensor grid = (2.0 * points - 1.0).unsqueeze(2);  // [N, P, 1, 2]
  return at::grid_sampler_2d(maps, grid, /*bilinear*/ 0, /*zeros*/ 0, /*align_corners*/ false).squeeze(-1);
}

at::Tensor sample_class_masks(const at::Tensor& labels, const at::Tensor& classes, const at::Tensor& points) {
  const std::int64_t n = labels.size(0), height = labels.size(1), width = labels.size(2);
  // The arithmetic of grid_sampler: ((2x − 1 + 1)·width − 1) / 2.
  const auto position = [&](int axis, std::int64_t extent) {
    return (((2.0 * points.select(2, axis) - 1.0) + 1.0) * static_cast<double>(extent) - 1.0) / 2.0;
  };
  const at::Tensor x = position(0, width), y = position(1, height);
  const at::Tensor left = x.floor(), top = y.floor();
  const at::Tensor flat = labels.reshape({n, height * width});
  at::Tensor sum;
  for (const int dy : {0, 1})
    for (const int dx : {0, 1}) {
      const at::Tensor cx = left + dx, cy = top + dy;
      const at::Tensor weight = (1.0 - (x - cx).abs()) * (1.0 - (y - cy).abs());
      const at::Tensor inside =
          (cx >= 0).logical_and(cx < width).logical_and(cy >= 0).logical_and(cy < height);
      const at::Tensor index =
          (cy.clamp(0, height - 1) * static_cast<double>(width) + cx.clamp(0, width - 1)).to(at::kLong);
      const at::Tensor label = flat.gather(1, index).to(at::kLong).unsqueeze(1);  // [N, 1, P]
      const at::Tensor hit = (label == classes.unsqueeze(2)).to(at::kFloat) * (weight * inside).unsqueeze(1);
      sum = sum.defined() ? sum + hit : hit;
    }
  return sum;
}

at::Tensor uncertain_points(const at::Tensor& logits, const std::vector<std::int64_t>& images,
                            std::int64_t points, double oversample, double importance, int output,
                            PointSource& source) {
  require(oversample >= 1 && importance >= 0 && importance <= 1,
          "uncertainty sampling: oversample {} must be at least 1, importance {} in [0, 1]", oversample,
          importance);
  const at::NoGradGuard guard;
  const std::int64_t masks = logits.size(0);
  const auto candidates = static_cast<std::int64_t>(static_cast<double>(points) * oversample);
  const auto uncertain = static_cast<std::int64_t>(importance * static_cast<double>(points));
  const at::Tensor drawn = source.draw(PointUse::kCandidates, output, images, candidates);
  const at::Tensor uncertainty = sample_points(logits.unsqueeze(1), drawn).squeeze(1).abs().neg();
  const at::Tensor best = std::get<1>(uncertainty.topk(uncertain, 1));
  const at::Tensor chosen = drawn.gather(1, best.unsqueeze(-1).expand({masks, uncertain, 2}));
  if (uncertain == points) return chosen;
  return at::cat({chosen, source.draw(PointUse::kRandom, output, images, points - uncertain)}, 1);
}

}  // namespace san
