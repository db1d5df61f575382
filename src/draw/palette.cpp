#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <set>

#include "san/colors.hpp"

namespace san {
namespace {

/// Beyond so many colours nobody tells them apart, and choosing them well is a waste of time.
constexpr std::size_t kChosen = 1024;
/// Candidate values per channel.
constexpr int kLevels = 24;

using Vec3 = std::array<double, 3>;

Vec3 linear(const Rgb& color) {
  Vec3 out;
  for (std::size_t c = 0; c < 3; ++c) {
    const double v = color[c] / 255.0;
    out[c] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  }
  return out;
}

/// Oklab (Ottosson 2020): distances are about as large as the differences people see.
Vec3 oklab(const Vec3& rgb) {
  const auto [r, g, b] = rgb;
  const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

/// What a deuteranope sees, in linear RGB (after Viénot, Brettel and Mollon 1999; protanopes differ little).
Vec3 red_green_blind(const Vec3& rgb) {
  const auto [r, g, b] = rgb;
  return {0.29275 * r + 0.70725 * g, 0.29275 * r + 0.70725 * g, -0.02234 * r + 0.02234 * g + b};
}

struct Candidate {
  Rgb color{};
  /// Oklab of what normal and of what red-green-blind eyes see, in 1/1000: whole numbers make choices
  /// repeatable.
  std::array<std::int64_t, 6> seen{};
  std::int64_t nearest = std::numeric_limits<std::int64_t>::max();
};

std::int64_t distance(const Candidate& a, const Candidate& b) {
  std::int64_t normal = 0, blind = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    normal += (a.seen[i] - b.seen[i]) * (a.seen[i] - b.seen[i]);
    blind += (a.seen[i + 3] - b.seen[i + 3]) * (a.seen[i + 3] - b.seen[i + 3]);
  }
  // Blind eyes see a space of two dimensions; asking for half the difference there leaves hues to the others.
  return std::min(normal, 4 * blind);
}

Candidate candidate(const Rgb& color) {
  Candidate result;
  result.color = color;
  const Vec3 rgb = linear(color), normal = oklab(rgb), blind = oklab(red_green_blind(rgb));
  for (std::size_t i = 0; i < 3; ++i) {
    result.seen[i] = std::llround(1000 * normal[i]);
    result.seen[i + 3] = std::llround(1000 * blind[i]);
  }
  return result;
}

/// Vivid colours, neither near black nor near white, so that a blend with a photograph keeps its hue; none
/// glaring.
bool is_vivid(const Candidate& c) {
  const double chroma = std::hypot(static_cast<double>(c.seen[1]), static_cast<double>(c.seen[2]));
  return c.seen[0] >= 450 && c.seen[0] <= 890 && chroma >= 90 && chroma <= 205;
}

class Palette {
 public:
  Palette() {
    const auto level = [](int i) { return static_cast<std::uint8_t>(i * 255 / (kLevels - 1)); };
    for (int i = 0; i < kLevels * kLevels * kLevels; ++i) {
      const Candidate c =
          candidate({level(i / (kLevels * kLevels)), level(i / kLevels % kLevels), level(i % kLevels)});
      if (is_vivid(c)) candidates_.push_back(c);
    }
    choose(candidate({230, 60, 50}));
  }

  std::vector<Rgb> first(std::size_t count) {
    const std::lock_guard lock(mutex_);
    while (colors_.size() < std::min(count, kChosen))
      choose(*std::max_element(candidates_.begin(), candidates_.end(),
                               [](const Candidate& a, const Candidate& b) { return a.nearest < b.nearest; }));
    while (colors_.size() < count) append_scattered();
    return {colors_.begin(), colors_.begin() + static_cast<std::ptrdiff_t>(count)};
  }

 private:
  void choose(const Candidate& chosen) {
    for (Candidate& c : candidates_) c.nearest = std::min(c.nearest, distance(c, chosen));
    add(chosen.color);
  }
  void append_scattered() {
    for (;;) {
      // An odd factor makes this a permutation of all 24 bit colours.
      const std::uint32_t value = ++scattered_ * 0x9e3779b1u;
      const Rgb color{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
                      static_cast<std::uint8_t>(value)};
      if (!used_.contains(color)) return add(color);
    }
  }
  void add(const Rgb& color) {
    used_.insert(color);
    colors_.push_back(color);
  }

  std::mutex mutex_;
  std::vector<Candidate> candidates_;
  std::vector<Rgb> colors_;
  std::set<Rgb> used_{kOtherColor};
  std::uint32_t scattered_ = 0;
};

}  // namespace

std::vector<Rgb> distinct_colors(std::size_t count) {
  static Palette palette;
  return palette.first(count);
}

}  // namespace san
