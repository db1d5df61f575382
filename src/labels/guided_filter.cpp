#include "labels/guided_filter.h"

#include <algorithm>

#include "base/error.h"

namespace san {
namespace {

/// Means over windows of 2·radius + 1 rows: every column's running sum.
void column_means(std::span<const float> map, int height, int width, int radius, std::span<float> out) {
  const auto w = static_cast<std::size_t>(width);
  std::vector<float> sum(w);
  const auto add = [&](int y, float sign) {
    const float* row = map.data() + static_cast<std::size_t>(y) * w;
    for (std::size_t x = 0; x < w; ++x) sum[x] += sign * row[x];
  };
  for (int y = 0; y < std::min(radius, height); ++y) add(y, 1);
  for (int y = 0; y < height; ++y) {
    if (y + radius < height) add(y + radius, 1);
    if (y - radius > 0) add(y - radius - 1, -1);
    const int rows = std::min(y + radius, height - 1) - std::max(y - radius, 0) + 1;
    float* to = out.data() + static_cast<std::size_t>(y) * w;
    for (std::size_t x = 0; x < w; ++x) to[x] = sum[x] / static_cast<float>(rows);
  }
}

/// The same along rows, in place.
void row_means(int height, int width, int radius, std::span<float> map) {
  std::vector<float> before(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    float* row = map.data() + static_cast<std::size_t>(y) * before.size();
    std::copy_n(row, width, before.begin());
    float sum = 0;
    for (int x = 0; x < std::min(radius, width); ++x) sum += before[static_cast<std::size_t>(x)];
    for (int x = 0; x < width; ++x) {
      if (x + radius < width) sum += before[static_cast<std::size_t>(x + radius)];
      if (x - radius > 0) sum -= before[static_cast<std::size_t>(x - radius - 1)];
      const int columns = std::min(x + radius, width - 1) - std::max(x - radius, 0) + 1;
      row[x] = sum / static_cast<float>(columns);
    }
  }
}

std::vector<float> product(std::span<const float> a, std::span<const float> b) {
  std::vector<float> out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] * b[i];
  return out;
}

}  // namespace

void box_means(std::span<const float> map, int height, int width, int radius, std::span<float> out) {
  std::vector<float> columns(map.size());
  column_means(map, height, width, radius, columns);
  row_means(height, width, radius, columns);
  std::ranges::copy(columns, out.begin());
}

GuidedFilter::GuidedFilter(const Image& guide, int radius, float epsilon)
    : height_(guide.height), width_(guide.width), radius_(radius) {
  require(height_ > 0 && width_ > 0 && radius >= 1 && epsilon > 0,
          "guided filter: a guide of {} × {}, radius {}, epsilon {}", width_, height_, radius, epsilon);
  const std::size_t count = guide.rgb.size() / 3;
  for (std::size_t c = 0; c < 3; ++c) {
    guide_[c].resize(count);
    for (std::size_t i = 0; i < count; ++i) guide_[c][i] = static_cast<float>(guide.rgb[3 * i + c]) / 255.0f;
    mean_[c].resize(count);
    box_means(guide_[c], height_, width_, radius_, mean_[c]);
  }
  std::vector<float> covariance[6];
  for (std::size_t a = 0, k = 0; a < 3; ++a)
    for (std::size_t b = a; b < 3; ++b, ++k) {
      covariance[k] = product(guide_[a], guide_[b]);
      box_means(covariance[k], height_, width_, radius_, covariance[k]);
      for (std::size_t i = 0; i < count; ++i)
        covariance[k][i] += (a == b ? epsilon : 0.0f) - mean_[a][i] * mean_[b][i];
    }
  for (auto& plane : inverse_) plane.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float rr = covariance[0][i], rg = covariance[1][i], rb = covariance[2][i], gg = covariance[3][i],
                gb = covariance[4][i], bb = covariance[5][i];
    const float c0 = gg * bb - gb * gb, c1 = gb * rb - rg * bb, c2 = rg * gb - gg * rb;
    const float scale = 1.0f / (rr * c0 + rg * c1 + rb * c2);
    inverse_[0][i] = c0 * scale;
    inverse_[1][i] = c1 * scale;
    inverse_[2][i] = c2 * scale;
    inverse_[3][i] = (rr * bb - rb * rb) * scale;
    inverse_[4][i] = (rg * rb - rr * gb) * scale;
    inverse_[5][i] = (rr * gg - rg * rg) * scale;
  }
}

void GuidedFilter::run(std::span<const float> map, std::span<float> out) const {
  const std::size_t count = pixels();
  require(map.size() == count && out.size() == count, "guided filter: a map of {} values for a guide of {}",
          map.size(), count);
  std::vector<float> mean(count), slope[3];
  box_means(map, height_, width_, radius_, mean);
  for (std::size_t c = 0; c < 3; ++c) {
    slope[c] = product(guide_[c], map);
    box_means(slope[c], height_, width_, radius_, slope[c]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const float r = slope[0][i] - mean_[0][i] * mean[i], g = slope[1][i] - mean_[1][i] * mean[i],
                b = slope[2][i] - mean_[2][i] * mean[i];
    slope[0][i] = inverse_[0][i] * r + inverse_[1][i] * g + inverse_[2][i] * b;
    slope[1][i] = inverse_[1][i] * r + inverse_[3][i] * g + inverse_[4][i] * b;
    slope[2][i] = inverse_[2][i] * r + inverse_[4][i] * g + inverse_[5][i] * b;
    mean[i] -= slope[0][i] * mean_[0][i] + slope[1][i] * mean_[1][i] + slope[2][i] * mean_[2][i];
  }
  box_means(mean, height_, width_, radius_, out);
  for (std::size_t c = 0; c < 3; ++c) {
    box_means(slope[c], height_, width_, radius_, slope[c]);
    for (std::size_t i = 0; i < count; ++i) out[i] += slope[c][i] * guide_[c][i];
  }
}

}  // namespace san
