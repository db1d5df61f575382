#include "quantize/quantizer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace san {

float quantized(float x, float scale) {
  return std::clamp(std::nearbyint(x / scale), static_cast<float>(-kInt8Most - 1),
                    static_cast<float>(kInt8Most));
}

QuantizedMatrix quantize_matrix(std::span<const float> values, std::int64_t in, std::int64_t out) {
  require(static_cast<std::int64_t>(values.size()) == in * out, "{} values for a matrix {} × {}",
          values.size(), in, out);
  const auto columns = static_cast<std::size_t>(out);
  QuantizedMatrix q{std::vector<float>(values.size()), std::vector<float>(columns, 0)};
  for (std::size_t i = 0; i < values.size(); ++i)
    q.scales[i % columns] = std::max(q.scales[i % columns], std::abs(values[i]));
  for (float& s : q.scales) s = s > 0 ? s / kInt8WeightMost : 1;
  for (std::size_t i = 0; i < values.size(); ++i)
    q.integers[i] = std::clamp(std::nearbyint(values[i] / q.scales[i % columns]),
                               static_cast<float>(-kInt8WeightMost), static_cast<float>(kInt8WeightMost));
  return q;
}

void MagnitudeHistogram::add(std::span<const float> values) {
  float most = 0;
  for (const float v : values) {
    require(std::isfinite(v), "a value that is to be quantized is {}", v);
    most = std::max(most, std::abs(v));
  }
  if (most == 0 && limit_ == 0) return;  // zeros are exact in any scale
  counts_.resize(kBins);
  if (limit_ == 0) limit_ = most * 1.0001f;
  while (limit_ <= most) {
    for (std::size_t i = 0; i < kBins; ++i)
      counts_[i] = i < kBins / 2 ? counts_[2 * i] + counts_[2 * i + 1] : 0;
    limit_ *= 2;
  }
  largest_ = std::max(largest_, most);
  const float scale = kBins / limit_;
  for (const float v : values)
    counts_[std::min<std::size_t>(kBins - 1, static_cast<std::size_t>(std::abs(v) * scale))] += 1;
}

float MagnitudeHistogram::best_range() const {
  if (largest_ == 0) return 1;
  const double bin = double{limit_} / kBins;
  // Sums over the bins from the far end: of counts, values and squares.
  double beyond = 0, beyond_x = 0, beyond_xx = 0;
  double total = 0;
  for (const double n : counts_) total += n;
  double best_error = INFINITY, best = largest_;
  for (int i = kBins; i >= kBins / 64; --i) {
    const double range = std::min(i * bin, double{largest_});
    const double step = range / kInt8Most;
    const double rounded = (total - beyond) * step * step / 12;
    const double cut = beyond_xx - 2 * range * beyond_x + range * range * beyond;
    if (rounded + cut < best_error) best_error = rounded + cut, best = range;
    if (i == 0) break;
    const double n = counts_[static_cast<std::size_t>(i - 1)], x = (i - 0.5) * bin;
    beyond += n, beyond_x += n * x, beyond_xx += n * x * x;
  }
  return static_cast<float>(best);
}

}  // namespace san
