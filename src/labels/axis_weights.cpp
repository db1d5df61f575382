#include "labels/axis_weights.h"

#include <algorithm>

namespace san {
namespace {

struct Pair {
  int index[2];
  float weight[2];
};

Pair bilinear_pair(int in, int out, int position) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  const float source = std::max(0.0f, scale * (static_cast<float>(position) + 0.5f) - 0.5f);
  const int first = std::min(static_cast<int>(source), in - 1);
  const float fraction = source - static_cast<float>(first);
  return {{first, std::min(first + 1, in - 1)}, {1.0f - fraction, fraction}};
}

void add(AxisWeights::Taps& taps, int index, float weight) {
  if (weight == 0.0f) return;
  const auto used = static_cast<std::size_t>(taps.count);
  const auto found = static_cast<std::size_t>(
      std::find(taps.index.begin(), taps.index.begin() + taps.count, index) - taps.index.begin());
  if (found == used) {
    taps.index[used] = index;
    ++taps.count;
  }
  taps.weight[found] += weight;
}

}  // namespace

AxisWeights AxisWeights::compose(int grid, int padded, int content, int output, bool mirrored) {
  AxisWeights axis;
  axis.make(grid, padded, content, output, mirrored);
  return axis;
}

void AxisWeights::make(int grid, int padded, int content, int output, bool mirrored) {
  taps.clear();
  for (int position = 0; position < output; ++position) {
    Taps mixed;
    const Pair outer = bilinear_pair(content, output, mirrored ? output - 1 - position : position);
    for (int i = 0; i < 2; ++i) {
      const Pair inner = bilinear_pair(grid, padded, outer.index[i]);
      for (int j = 0; j < 2; ++j) add(mixed, inner.index[j], outer.weight[i] * inner.weight[j]);
    }
    taps.push_back(mixed);
  }
}

std::vector<float> ramp_weights(int length, int rising, int falling) {
  std::vector<float> weights;
  if (rising <= 0 && falling <= 0) return weights;
  const auto rise = [](int from_edge, int ramp) {
    return from_edge < ramp ? (static_cast<float>(from_edge) + 0.5f) / static_cast<float>(ramp) : 1.0f;
  };
  for (int i = 0; i < length; ++i)
    weights.push_back(std::min(rise(i, rising), rise(length - 1 - i, falling)));
  return weights;
}

}  // namespace san
