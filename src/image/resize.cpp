#include "image/resize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace san {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

std::uint8_t clip8(std::int32_t value) {
  return static_cast<std::uint8_t>(std::clamp(value >> kPrecisionBits, 0, 255));
}

constexpr int kRowsAtOnce = 16;

template <class Body>
void for_rows(ThreadPool* pool, int rows, const Body& body) {
  if (pool)
    pool->parallel_for(rows, kRowsAtOnce, body);
  else
    body(0, rows);
}

void set_size(Image& image, int height, int width) {
  image.height = height, image.width = width;
  image.rgb.resize(static_cast<std::size_t>(height) * image.row_bytes());
}

// Attention takes the square of the length: what is a panorama takes minutes, what is a strip takes days.
constexpr int kLongestDemoSide = 32;

Size whole_pixels(double height, double width, Size image) {
  constexpr double kMaxPixels = 1 << 26;
  height = std::max(1.0, std::floor(height)), width = std::max(1.0, std::floor(width));
  require(
      height * width <= kMaxPixels,
      "resize: a picture of {}x{} pixels would become {}x{}, more than the {:.0f} million pixels a network "
      "is given; make the short side smaller, or limit the long side",
      image.height, image.width, height, width, kMaxPixels / 1e6);
  return {static_cast<int>(height), static_cast<int>(width)};
}

}  // namespace

/// Pillow's precompute_coeffs and normalize_coeffs_8bpc. The order of the double operations decides single
/// bits.
void Resizer::AxisTaps::make(int from, int to, ResizeFilter used) {
  if (in == from && filter == used && first.size() == static_cast<std::size_t>(to)) return;
  in = from, filter = used;
  const double scale = static_cast<double>(from) / to;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (used == ResizeFilter::kBilinear ? 1.0 : 2.0) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  const auto kernel = used == ResizeFilter::kBilinear ? bilinear : bicubic;

  first.clear(), count.clear();
  stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.assign(static_cast<std::size_t>(to) * static_cast<std::size_t>(stride), 0);
  std::vector<double> weights(static_cast<std::size_t>(stride));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const double begin = center - support + 0.5, end = center + support + 0.5;
    const int lowest = std::max(0, static_cast<int>(begin));
    const int used_taps = std::min(from, static_cast<int>(end)) - lowest;
    double sum = 0.0;
    for (int t = 0; t < used_taps; ++t) {
      weights[static_cast<std::size_t>(t)] = kernel((t + lowest - center + 0.5) * inverse);
      sum += weights[static_cast<std::size_t>(t)];
    }
    std::int32_t* row = taps.data() + static_cast<std::ptrdiff_t>(i) * stride;
    for (int t = 0; t < used_taps; ++t) {
      double weight = weights[static_cast<std::size_t>(t)];
      if (sum != 0.0) weight /= sum;
      row[t] = static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kPrecisionBits));
    }
    first.push_back(lowest);
    count.push_back(used_taps);
  }
}

void Resizer::AxisTaps::narrow(const std::uint8_t* row, std::uint8_t* out) const {
  for (std::size_t x = 0; x < first.size(); ++x) {
    const std::int32_t* weight = taps.data() + x * static_cast<std::size_t>(stride);
    const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(first[x]) * 3;
    std::int32_t r = 1 << (kPrecisionBits - 1), g = r, b = r;
    for (int t = 0; t < count[x]; ++t, pixel += 3) {
      r += pixel[0] * weight[t];
      g += pixel[1] * weight[t];
      b += pixel[2] * weight[t];
    }
    *out++ = clip8(r);
    *out++ = clip8(g);
    *out++ = clip8(b);
  }
}

/// Of the rows that are needed.
void Resizer::narrow(const Image& image, int width, ThreadPool* pool) {
  horizontal_.make(image.width, width, vertical_.filter);
  const int first_row = vertical_.first.front();
  set_size(narrowed_, vertical_.first.back() + vertical_.count.back() - first_row, width);
  for_rows(pool, narrowed_.height, [&](std::int64_t begin, std::int64_t end) {
    for (auto y = static_cast<int>(begin); y < end; ++y)
      horizontal_.narrow(image.row(y + first_row), narrowed_.row(y));
  });
}

void Resizer::shorten(const Image& image, int first_row, Image& result, ThreadPool* pool) {
  const std::size_t row_bytes = result.row_bytes();
  const std::size_t parts = pool ? (static_cast<std::size_t>(result.height) - 1) / kRowsAtOnce + 1 : 1;
  sums_.resize(parts * row_bytes);
  for_rows(pool, result.height, [&](std::int64_t begin, std::int64_t end) {
    std::int32_t* sums = sums_.data() + static_cast<std::size_t>(begin) / kRowsAtOnce * row_bytes;
    for (auto y = static_cast<int>(begin); y < end; ++y) {
      const auto i = static_cast<std::size_t>(y);
      std::fill_n(sums, row_bytes, 1 << (kPrecisionBits - 1));
      for (int t = 0; t < vertical_.count[i]; ++t) {
        const std::uint8_t* in = image.row(vertical_.first[i] - first_row + t);
        const std::int32_t tap =
            vertical_.taps[i * static_cast<std::size_t>(vertical_.stride) + static_cast<std::size_t>(t)];
        for (std::size_t x = 0; x < row_bytes; ++x) sums[x] += in[x] * tap;
      }
      std::transform(sums, sums + row_bytes, result.row(y), clip8);
    }
  });
}

const Image& Resizer::run(const Image& image, int height, int width, ResizeFilter filter, ThreadPool* pool) {
  require(image.height > 0 && image.width > 0 && height > 0 && width > 0,
          "resize: cannot make {}x{} pixels from {}x{}; both need at least one pixel", height, width,
          image.height, image.width);
  vertical_.make(image.height, height, filter);
  const Image* source = &image;
  int first_row = 0;
  if (width != image.width) {
    narrow(image, width, pool);
    first_row = vertical_.first.front();
    source = &narrowed_;
  }
  if (height == image.height) return *source;
  set_size(result_, height, width);
  shorten(*source, first_row, result_, pool);
  return result_;
}

Image resize(const Image& image, int height, int width, ResizeFilter filter, ThreadPool* pool) {
  Resizer resizer;
  const Image& result = resizer.run(image, height, width, filter, pool);
  if (&result == &resizer.result_) return std::move(resizer.result_);
  if (&result == &resizer.narrowed_) return std::move(resizer.narrowed_);
  return image;
}

Size resize_shortest_edge(Size image, int short_side, int long_limit, SizeRule rule) {
  require(image.height > 0 && image.width > 0 && short_side > 0 && long_limit > 0,
          "resize: sizes must be positive, got image {}x{}, short side {}, long side limit {}", image.height,
          image.width, short_side, long_limit);
  const bool tall = image.width < image.height;
  if (rule == SizeRule::kDemo) {
    const double short_in = std::min(image.height, image.width),
                 long_in = std::max(image.height, image.width);
    require(long_in <= kLongestDemoSide * short_in,
            "resize: a picture of {}x{} pixels is more than {} times as long as it is wide, and nothing "
            "limits its "
            "long side (--preprocess demo): cut it into pieces, or limit the side (--preprocess evaluation)",
            image.height, image.width, kLongestDemoSide);
    const double length = long_in * short_side / short_in;
    return tall ? whole_pixels(length, short_side, image) : whole_pixels(short_side, length, image);
  }
  double scale = static_cast<double>(short_side) / std::min(image.height, image.width);
  double height = image.height < image.width ? short_side : scale * image.height;
  double width = image.height < image.width ? scale * image.width : short_side;
  if (std::max(height, width) > long_limit) {
    scale = long_limit / std::max(height, width);
    height *= scale;
    width *= scale;
  }
  return whole_pixels(height + 0.5, width + 0.5, image);
}

LabelMap resize_nearest(const LabelMap& map, int height, int width, NearestRule rule) {
  require(map.height > 0 && map.width > 0 && height > 0 && width > 0,
          "resize: cannot make {}x{} labels from {}x{}; both need at least one pixel", height, width,
          map.height, map.width);
  const auto source_indices = [rule](int in, int out) {
    const double step = 1.0 / (static_cast<double>(out) / in);
    std::vector<int> indices;
    for (int i = 0; i < out; ++i) {
      const auto index = rule == NearestRule::kTorch ? static_cast<std::int64_t>(i) * in / out
                                                     : static_cast<std::int64_t>(std::floor(i * step));
      indices.push_back(static_cast<int>(std::min<std::int64_t>(index, in - 1)));
    }
    return indices;
  };
  const std::vector<int> rows = source_indices(map.height, height),
                         columns = source_indices(map.width, width);
  LabelMap result(height, width);
  auto out = result.labels.begin();
  for (const int y : rows)
    for (const int x : columns) *out++ = map.row(y)[x];
  return result;
}

}  // namespace san
