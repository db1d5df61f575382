#include "backend/reference/loops.h"

namespace san::reference {

std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(to.rank()), 0);
  std::int64_t stride = 1;
  for (int i = 1; i <= from.rank(); ++i) {
    strides[static_cast<std::size_t>(to.rank() - i)] = from[-i] == 1 ? 0 : stride;
    stride *= from[-i];
  }
  return strides;
}

Taps interpolation_taps(std::int64_t target, std::int64_t from, double step, Interpolation kernel) {
  // float32 like torch, so that the taps of large grids round the same way.
  float source = static_cast<float>(step) * (static_cast<float>(target) + 0.5f) - 0.5f;
  const auto clamp = [from](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, from - 1); };
  if (kernel == Interpolation::kBilinear) {
    source = std::max(source, 0.0f);
    const auto base = static_cast<std::int64_t>(source);
    const double t = source - static_cast<float>(base);
    return {{clamp(base), clamp(base + 1)}, {1 - t, t}, 2};
  }
  const float floor = std::floor(source);
  const double t = source - floor;
  const auto base = static_cast<std::int64_t>(floor);
  constexpr double a = -0.75;
  const auto near = [&](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [&](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {{clamp(base - 1), clamp(base), clamp(base + 1), clamp(base + 2)},
          {far(t + 1), near(t), near(1 - t), far(2 - t)},
          4};
}

}  // namespace san::reference
