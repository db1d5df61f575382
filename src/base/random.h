#pragma once
#include <cstdint>

#include "base/hash.h"

namespace san {

/// Random numbers as a pure function of (key, counter): the same on every machine, whatever drew before
/// elsewhere.
class Rng {
 public:
  explicit constexpr Rng(std::uint64_t key) : key_(splitmix64(key)) {}
  /// An independent stream for (seed, purpose, index).
  constexpr Rng(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index)
      : Rng(splitmix64(splitmix64(seed) ^ (purpose * 0x9e3779b97f4a7c15ull)) + index) {}

  constexpr std::uint64_t next() { return splitmix64(key_ + 0xd1342543de82ef95ull * counter_++); }
  /// In [0, 1), a multiple of 2^-24.
  constexpr float uniform() { return static_cast<float>(next() >> 40) * 0x1p-24f; }
  constexpr float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// In [0, count), count ≥ 1.
  constexpr int below(int count) {
    return static_cast<int>(((next() >> 32) * static_cast<std::uint64_t>(count)) >> 32);
  }
  /// In [low, high].
  constexpr int between(int low, int high) { return low + below(high - low + 1); }
  constexpr bool chance(float probability) { return uniform() < probability; }
  /// Mean 0, variance 1, within ±3.5: a sum of uniforms, because the library's logarithm differs between
  /// machines.
  constexpr float normal() {
    float sum = -2.0f;
    for (int i = 0; i < 4; ++i) sum += uniform();
    return sum * 1.7320508f;
  }

 private:
  std::uint64_t key_, counter_ = 0;
};

/// Sine and cosine of `turns` whole turns by polynomial (error < 1e-6): the C library's differ between
/// machines.
struct SineCosine {
  float sine, cosine;
};
SineCosine sine_cosine_turns(float turns);
/// atan2 in turns, in (-0.5, 0.5], by polynomial (error < 1e-4 turns).
float atan2_turns(float y, float x);

}  // namespace san
