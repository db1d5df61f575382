#pragma once
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "san/image.hpp"

namespace san {

enum class ResizeFilter { kBilinear, kBicubic };

/// Resizes as Pillow's Image.resize does, bit for bit: antialiased when shrinking, the horizontal pass first,
/// coefficients in 22 bit fixed point, 8 bit between the passes. Throws Error on an empty image or size.
Image resize(const Image& image, int height, int width, ResizeFilter filter, ThreadPool* pool = nullptr);

/// The same for one picture after the other, in memory that the next one uses again.
class Resizer {
 public:
  /// The result lives until the next call; `image` itself where it has that size.
  const Image& run(const Image& image, int height, int width, ResizeFilter filter,
                   ThreadPool* pool = nullptr);

 private:
  friend Image resize(const Image& image, int height, int width, ResizeFilter filter, ThreadPool* pool);
  /// Along one axis: output i is the sum over t < count[i] of input[first[i] + t] · taps[i·stride + t].
  struct AxisTaps {
    int in = 0, stride = 0;
    ResizeFilter filter{};
    std::vector<int> first, count;
    std::vector<std::int32_t> taps;

    void make(int from, int to, ResizeFilter kernel);
    void narrow(const std::uint8_t* row, std::uint8_t* out) const;
  };
  void narrow(const Image& image, int width, ThreadPool* pool);
  void shorten(const Image& image, int first_row, Image& result, ThreadPool* pool);

  AxisTaps vertical_, horizontal_;
  Image narrowed_, result_;
  std::vector<std::int32_t> sums_;  ///< a row of them for each part of the result
};

struct Size {
  int height = 0, width = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// How the resized lengths are found: as the official evaluation does (both rounded to nearest, the long side
/// limited), or as its demo does (the long side truncated and not limited).
enum class SizeRule { kEvaluation, kDemo };

/// The size whose short side is `short_side`, aspect ratio kept; with kEvaluation smaller if the long side
/// would pass `long_limit`. Neither side becomes less than 1. Throws Error on sizes that are not positive, on
/// results of more than 2²⁶ pixels, and with kDemo on pictures more than 32 times as long as wide.
Size resize_shortest_edge(Size image, int short_side, int long_limit, SizeRule rule = SizeRule::kEvaluation);

/// Which of two nearest-neighbour rules: torch's floor(dst·in/out) exactly, or OpenCV's in double precision.
enum class NearestRule { kTorch, kOpenCv };

LabelMap resize_nearest(const LabelMap& map, int height, int width, NearestRule rule = NearestRule::kTorch);

}  // namespace san
