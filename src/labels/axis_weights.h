#pragma once
#include <array>
#include <vector>

namespace san {

/// One axis of two successive bilinear resizes (align_corners = false): mask grid → padded input, cropped to
/// the content, → output. Linear maps compose, so each output position is a weighted sum of at most four grid
/// positions.
struct AxisWeights {
  struct Taps {
    int count = 0;
    std::array<int, 4> index{};
    std::array<float, 4> weight{};
  };
  std::vector<Taps> taps;  ///< per output position

  /// All lengths at least 1, content ≤ padded. Source coordinates are float32, as the official code computes
  /// them. A mirrored axis is read from its far end.
  static AxisWeights compose(int grid, int padded, int content, int output, bool mirrored = false);
  /// The same into these weights, whose memory is used again.
  void make(int grid, int padded, int content, int output, bool mirrored = false);
};

/// A view's weight along one axis of its region (Ramps): rises over the first `rising` pixels and falls over
/// the last `falling`. Empty where it is one everywhere.
std::vector<float> ramp_weights(int length, int rising, int falling);

}  // namespace san
