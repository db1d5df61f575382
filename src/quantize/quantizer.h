#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace san {

/// Symmetric 8-bit integers: value = integer · scale, without zero points, which is what ONNX Runtime and
/// TensorRT both recognise. The scale of a range ±r is r / 127.
inline constexpr int kInt8Most = 127;
/// Weights take 7 bits. x86 processors without VNNI add pairs of products of an unsigned and a signed byte in
/// 16 bits and saturate: 2 · 255 · 63 fits into them, 2 · 255 · 127 does not.
inline constexpr int kInt8WeightMost = 63;

/// The integer nearest to x / scale, ties to even, within [−128, 127], as ONNX's QuantizeLinear
/// takes it.
float quantized(float x, float scale);

/// A matrix [in, out] whose every column has a scale.
struct QuantizedMatrix {
  std::vector<float> integers;  ///< whole numbers in [−63, 63], [in, out]
  std::vector<float> scales;    ///< [out], all positive
};
QuantizedMatrix quantize_matrix(std::span<const float> values, std::int64_t in, std::int64_t out);

/// How often |x| had which size, of values that come in parts and without a known bound.
class MagnitudeHistogram {
 public:
  /// Throws Error on values that are not finite.
  void add(std::span<const float> values);
  float largest() const { return largest_; }
  /// The r for which values cut off at ±r and rounded to multiples of r / 127 have the smallest mean squared
  /// error; 1 when nothing but zeros has been seen.
  float best_range() const;

 private:
  static constexpr int kBins = 4096;
  std::vector<double> counts_;
  float limit_ = 0, largest_ = 0;  ///< bins divide [0, limit)
};

}  // namespace san
