#include "backend/native/attention_integers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <random>

#include "backend/native/attention.h"
#include "backend/native/hwy_targets.h"
// The targets the kernels are built for, as they see them.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace san {
namespace {

using native::Attention;
using native::IntegerForm;

/// With which all heads are multiplied in bytes, or none.
constexpr native::MostRounding kBytes{std::numeric_limits<float>::infinity(),
                                      std::numeric_limits<float>::infinity()},
    kInt16{-1, -1};

/// Runs body(form) once for each instruction set and form that this machine can run.
template <class Body>
void for_each_form(const Body& body) {
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    SCOPED_TRACE(hwy::TargetName(left & -left));
    for (const IntegerForm form : native::integer_forms()) {
      SCOPED_TRACE(fmt::format("form {}", static_cast<int>(form)));
      body(form);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

/// Queries, keys and values side by side, [3][rows][heads · width] of batch 1.
struct Case {
  std::int64_t queries, keys, heads, width;
  std::vector<float> x, y;

  Case(std::int64_t q, std::int64_t k, std::int64_t h, std::int64_t w, float size = 1)
      : queries(q), keys(k), heads(h), width(w), x(static_cast<std::size_t>((q + 2 * k) * h * w)) {
    std::mt19937 random(4);
    std::normal_distribution<float> normal;
    for (float& v : x) v = size * normal(random);
  }
  std::int64_t channels() const { return heads * width; }
  float& at(int part, std::int64_t row, std::int64_t channel) {
    const std::int64_t first = part == 0 ? 0 : queries + (part - 1) * keys;
    return x[static_cast<std::size_t>((first + row) * channels() + channel)];
  }
  float out(std::int64_t query, std::int64_t channel) const {
    return y[static_cast<std::size_t>(query * channels() + channel)];
  }

  void run(std::optional<IntegerForm> form, native::MostRounding most_rounding = kInt16, int threads = 2) {
    ThreadPool pool(threads);
    const auto buffers = std::make_shared<native::BufferPool>();
    // What memory held before must not matter.
    constexpr std::int64_t kMuch = 1 << 17;
    std::fill_n(buffers->acquire(kMuch).get(), kMuch, std::numeric_limits<float>::quiet_NaN());
    y.assign(static_cast<std::size_t>(queries * channels()), 7);
    Attention a;
    a.batch = 1, a.heads = heads, a.width = width, a.queries = queries, a.keys = keys;
    a.q = {x.data(), 0, channels()};
    a.k = {x.data() + queries * channels(), 0, channels()};
    a.v = {x.data() + (queries + keys) * channels(), 0, channels()};
    a.integers = form, a.most_rounding = most_rounding, a.out = y.data();
    native::fused_attention(a, *buffers, pool);
  }

  /// Against float64, the error of each answer as a share of what is allowed; the largest.
  double error() {
    double worst = 0;
    for (std::int64_t h = 0; h < heads; ++h) {
      std::vector<double> largest(static_cast<std::size_t>(width));
      double longest = 0;
      for (std::int64_t k = 0; k < keys; ++k) {
        double square = 0;
        for (std::int64_t d = 0; d < width; ++d) {
          square += std::pow(at(1, k, h * width + d), 2);
          double& value = largest[static_cast<std::size_t>(d)];
          value = std::max<double>(value, std::abs(at(2, k, h * width + d)));
        }
        longest = std::max(longest, std::sqrt(square));
      }
      for (std::int64_t q = 0; q < queries; ++q) worst = std::max(worst, error_of(h, q, longest, largest));
    }
    return worst;
  }

 private:
  double error_of(std::int64_t h, std::int64_t q, double longest, const std::vector<double>& largest) {
    double square = 0, total = 0;
    std::vector<double> scores, mean(static_cast<std::size_t>(width)), magnitude(mean), sizes(mean);
    for (std::int64_t d = 0; d < width; ++d) square += std::pow(at(0, q, h * width + d), 2);
    for (std::int64_t k = 0; k < keys; ++k) {
      double score = 0;
      for (std::int64_t d = 0; d < width; ++d)
        score += static_cast<double>(at(0, q, h * width + d)) * at(1, k, h * width + d);
      scores.push_back(score / std::sqrt(static_cast<double>(width)));
    }
    const double top = *std::max_element(scores.begin(), scores.end());
    for (double& s : scores) total += s = std::exp(s - top);
    for (std::int64_t k = 0; k < keys; ++k)
      for (std::size_t d = 0; d < mean.size(); ++d) {
        const double value = at(2, k, h * width + static_cast<std::int64_t>(d));
        const double term = scores[static_cast<std::size_t>(k)] / total * value;
        mean[d] += term, magnitude[d] += std::abs(term), sizes[d] += std::abs(value);
      }
    // A score: each of `width` roundings on either side is half a 32000th of its row's length at most, so
    // that their sum is √width / 32000 of both lengths. Exponentials are off by 8e-5, in the mean and in its
    // divisor, and by half a 2^14th of the largest of their keys; values by half a 1160th of the largest of
    // their channel. The rest is float32.
    const double relative = std::expm1(2 * std::sqrt(square) * longest / 32000) + 2 * 8e-5 + 1e-5;
    const double step = 0x1p-15 / total;
    double worst = 0;
    for (std::size_t d = 0; d < mean.size(); ++d) {
      const double allowed = relative * magnitude[d] + 0.5 / 1160 * largest[d] + step * sizes[d];
      const double off = std::abs(out(q, h * width + static_cast<std::int64_t>(d)) - mean[d]);
      worst = std::max(worst, std::isnan(off) ? 1e9 : off / allowed);
    }
    return worst;
  }
};

double rms_error(const std::vector<float>& x, const std::vector<float>& exact) {
  double off = 0, all = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    off += std::pow(x[i] - exact[i], 2), all += std::pow(exact[i], 2);
  return std::sqrt(off / all);
}

TEST(AttentionInt16, IsThatOfRoundedValues) {
  for_each_form([](IntegerForm form) {
    for (const auto& [queries, keys, width] : {std::array<std::int64_t, 3>{1, 1, 8},
                                               {7, 7, 5},
                                               {150, 150, 40},
                                               {131, 131, 64},
                                               {20, 113, 33},
                                               {49, 339, 80}})
      for (const float size : {0.3f, 1.0f, 2.5f}) {
        Case c(queries, keys, 2, width, size);
        c.run(form);
        EXPECT_LE(c.error(), 1) << queries << " queries, " << keys << " keys of " << width << ", size "
                                << size;
      }
  });
}

// Roundings are of either sign: their rms is far below their bound. 0.0021 is what bfloat16 of values alone
// would come to, 2⁻⁸ / √3 of each.
TEST(AttentionInt16, IsNearerThanBfloat16) {
  Case c(150, 401, 2, 64);
  c.run(std::nullopt);
  const std::vector<float> exact = c.y;
  for_each_form([&](IntegerForm form) {
    c.run(form);
    EXPECT_LT(rms_error(c.y, exact), 0.0021);
  });
}

TEST(IntegerAttention, FormsThreadsAndInstructionSetsOfAsManyLanesAgreeInBits) {
  Case c(70, 230, 2, 40);
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    for (const native::MostRounding most : {kInt16, kBytes}) {
      c.run(IntegerForm::kPlain, most, 1);
      const std::vector<float> plain = c.y;
      c.run(native::integer_forms().front(), most, 3);
      EXPECT_EQ(c.y, plain) << hwy::TargetName(left & -left);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Every product as large as it can be and of one sign: sums must not leave 32 bits.
TEST(AttentionInt16, TheLargestSumsFit) {
  for_each_form([](IntegerForm form) {
    for (const float sign : {1.0f, -1.0f}) {
      Case c(3, 224, 1, 64);
      std::fill(c.x.begin(), c.x.end(), 0.7f);
      for (std::int64_t k = 0; k < c.keys; ++k)
        for (std::int64_t d = 0; d < c.width; ++d) c.at(2, k, d) = sign * 5;
      c.run(form);
      // Two roundings to 15 bits and one to 11 of numbers that are all the same, and 8e-5 of exponentials.
      for (const float y : c.y) EXPECT_NEAR(y, sign * 5, 5 * 2e-4);
    }
  });
}

TEST(AttentionInt16, OneKeyAboveAllIsTakenAlone) {
  for_each_form([](IntegerForm form) {
    Case c(40, 300, 1, 16);
    for (std::int64_t q = 0; q < c.queries; ++q)
      for (std::int64_t d = 0; d < c.width; ++d) c.at(0, q, d) = 40;
    // In the last block of keys: what was added up before it comes to nothing.
    for (std::int64_t d = 0; d < c.width; ++d) c.at(1, 290, d) = 40;
    c.run(form);
    for (std::int64_t d = 0; d < c.width; ++d)
      EXPECT_NEAR(c.out(17, d), c.at(2, 290, d), 3e-3);  // half a 1160th of 4, and 8e-5
  });
}

TEST(AttentionInt16, SmallAndLargeNumbersAndZeros) {
  for_each_form([](IntegerForm form) {
    for (const float size : {0.0f, 1e-38f, 1e-20f, 1e-8f}) {
      Case c(20, 130, 1, 24);
      for (std::int64_t k = 0; k < c.keys; ++k)
        for (std::int64_t d = 0; d < c.width; ++d) c.at(1, k, d) *= size;
      c.run(form);
      EXPECT_LE(c.error(), 1) << "keys of " << size;
      std::swap_ranges(c.x.begin(), c.x.begin() + 20 * 24, c.x.begin() + 20 * 24);
      c.run(form);
      EXPECT_LE(c.error(), 1) << "queries of " << size;
    }
    Case c(20, 130, 1, 24);
    for (std::int64_t k = 0; k < c.keys; ++k)
      for (std::int64_t d = 0; d < c.width; ++d) c.at(2, k, d) *= d % 2 ? 1e30f : 0;
    c.run(form);
    EXPECT_LE(c.error(), 1) << "values of 1e30";
    EXPECT_EQ(c.out(3, 6), 0);
  });
}

// Bytes, what they are rounded to taken from the definition: the rest of the error is the exponentials'.
double byte_error(Case& c) {
  const float scale = 1.44269504f / std::sqrt(static_cast<float>(c.width));
  const auto width = static_cast<std::size_t>(c.width), keys = static_cast<std::size_t>(c.keys);
  double worst = 0;
  for (std::int64_t h = 0; h < c.heads; ++h) {
    std::vector<double> steps(width), rounded_keys(keys * width), rounded_values(keys * width);
    for (std::size_t d = 0; d < width; ++d)
      for (const int part : {1, 2}) {
        const std::int64_t channel = h * c.width + static_cast<std::int64_t>(d);
        double low = 1e30, high = -1e30;
        for (std::int64_t k = 0; k < c.keys; ++k)
          low = std::min<double>(low, c.at(part, k, channel)),
          high = std::max<double>(high, c.at(part, k, channel));
        const double step = (high - low) / 255;
        if (part == 1) steps[d] = step;
        for (std::int64_t k = 0; k < c.keys; ++k) {
          const std::size_t at = static_cast<std::size_t>(k) * width + d;
          const double whole = step > 0 ? std::nearbyint((c.at(part, k, channel) - low) / step) : 0;
          (part == 1 ? rounded_keys[at] = whole : rounded_values[at] = low + whole * step);
        }
      }
    for (std::int64_t q = 0; q < c.queries; ++q) {
      std::vector<double> query(width), scores;
      double most = 0;
      for (std::size_t d = 0; d < width; ++d) {
        query[d] = c.at(0, q, h * c.width + static_cast<std::int64_t>(d)) * scale * steps[d];
        most = std::max(most, std::abs(query[d]));
      }
      for (double& x : query) x = std::nearbyint(x * 127 / most) * most / 127;
      for (std::size_t k = 0; k < keys; ++k) {
        double score = 0;
        for (std::size_t d = 0; d < width; ++d) score += query[d] * rounded_keys[k * width + d];
        scores.push_back(score);
      }
      const double top = *std::max_element(scores.begin(), scores.end());
      double total = 0;
      for (double& s : scores) total += s = std::exp2(s - top);
      for (std::size_t d = 0; d < width; ++d) {
        double mean = 0, sizes = 0, magnitude = 0;
        for (std::size_t k = 0; k < keys; ++k) mean += scores[k] * rounded_values[k * width + d] / total;
        for (std::size_t k = 0; k < keys; ++k) {
          const double off = std::abs(rounded_values[k * width + d] - mean);
          sizes += off, magnitude += scores[k] * off;
        }
        // Half a 255th of the largest of a block's keys, here at most of all, for each exponential. One
        // rounding of a key or of the query may fall to the other side in float32: as much as the query's
        // largest channel times a step, 255 times its step.
        const double allowed = (0.5 / 255 * sizes + (std::exp2(3 * most) - 1 + 1e-4) * magnitude) / total;
        const double got = c.out(q, h * c.width + static_cast<std::int64_t>(d));
        worst = std::max(worst, std::isnan(got) ? 1e9 : std::abs(got - mean) / (allowed + 1e-6));
      }
    }
  }
  return worst;
}

TEST(AttentionInt8, IsThatOfRoundedValues) {
  for_each_form([](IntegerForm form) {
    for (const auto& [queries, keys, width] : {std::array<std::int64_t, 3>{1, 1, 8},
                                               {7, 7, 5},
                                               {150, 150, 40},
                                               {131, 131, 64},
                                               {20, 113, 33},
                                               {21, 114, 30},
                                               {49, 339, 80}})
      for (const float size : {0.3f, 1.0f, 2.5f}) {
        Case c(queries, keys, 2, width, size);
        c.run(form, kBytes);
        EXPECT_LE(byte_error(c), 1) << queries << " queries, " << keys << " keys of " << width << ", size "
                                    << size;
      }
  });
}

// Values are off by a 255th of about six times their spread over √12, 0.007; scores, of three roundings as
// large relative to their own spread of 1.4 octaves, by 0.011 of their logarithm; exponentials by 0.002.
TEST(AttentionInt8, IsAsNearAsBytesAre) {
  Case c(150, 401, 2, 64);
  c.run(std::nullopt);
  const std::vector<float> exact = c.y;
  for_each_form([&](IntegerForm form) {
    c.run(form, kBytes);
    EXPECT_LT(rms_error(c.y, exact), 0.02);
  });
}

// What is the same for all keys changes no weight, and values that are all the same are their own mean.
TEST(AttentionInt8, OffsetsOfKeysAndValuesCostNothing) {
  for_each_form([](IntegerForm form) {
    Case c(60, 200, 1, 24);
    c.run(form, kBytes);
    const std::vector<float> before = c.y;
    for (std::int64_t k = 0; k < c.keys; ++k)
      for (std::int64_t d = 0; d < c.width; ++d) c.at(1, k, d) += 64, c.at(2, k, d) += 64;
    Case exact = c;
    exact.run(std::nullopt);
    c.run(form, kBytes);
    for (float& y : c.y) y -= 64;
    for (float& y : exact.y) y -= 64;
    // Adding 64 rounds to 2^-18 itself, a fraction of a step of 2^-5; some keys move by a step.
    EXPECT_LT(rms_error(c.y, exact.y), 0.03);
    EXPECT_LT(rms_error(c.y, before), 0.01);
    for (std::int64_t k = 0; k < c.keys; ++k)
      for (std::int64_t d = 0; d < c.width; ++d) c.at(1, k, d) = 3, c.at(2, k, d) = 5.5f;
    c.run(form, kBytes);
    for (const float y : c.y) EXPECT_EQ(y, 5.5f);
  });
}

TEST(IntegerAttention, HeadsThatBytesWouldChangeAreInt16) {
  for_each_form([](IntegerForm form) {
    const auto head = [](const Case& c, const std::vector<float>& y, std::int64_t h) {
      std::vector<float> channels;
      for (std::int64_t q = 0; q < c.queries; ++q)
        for (std::int64_t d = 0; d < c.width; ++d)
          channels.push_back(y[static_cast<std::size_t>(q * c.channels() + h * c.width + d)]);
      return channels;
    };
    Case c(60, 200, 3, 24);
    // Keys that make scores of many octaves, and a value far from all others.
    for (std::int64_t k = 0; k < c.keys; ++k)
      for (std::int64_t d = 0; d < c.width; ++d) c.at(1, k, c.width + d) *= 20;
    for (std::int64_t d = 0; d < c.width; ++d) c.at(2, 77, 2 * c.width + d) = 90;
    c.run(form, kBytes);
    const std::vector<float> bytes = c.y;
    c.run(form, kInt16);
    const std::vector<float> int16 = c.y;
    c.run(form, native::MostRounding());
    EXPECT_EQ(head(c, c.y, 0), head(c, bytes, 0));
    EXPECT_EQ(head(c, c.y, 1), head(c, int16, 1));
    EXPECT_EQ(head(c, c.y, 2), head(c, int16, 2));
    EXPECT_NE(head(c, bytes, 0), head(c, int16, 0));
  });
}

// The estimate, from spreads, against scores of integers themselves.
TEST(AttentionInt8, RoundingOfScoresIsEstimatedForTheWorstQuery) {
  constexpr std::int64_t kWidth = 48;
  Case c(40, 300, 1, kWidth, 2);
  std::vector<float> steps(kWidth), starts(kWidth);
  const auto step = [&](std::int64_t d) -> double { return steps[static_cast<std::size_t>(d)]; };
  const auto estimate = [&](std::int64_t first, std::int64_t count) {
    return native::find_key_steps({&c.at(0, first, 0), kWidth, count, kWidth},
                                  {&c.at(1, 0, 0), kWidth, c.keys, kWidth}, {steps.data(), starts.data()});
  };
  for_each_form([&](IntegerForm) {
    double ratios = 0;
    float worst = 0;
    for (std::int64_t q = 0; q < c.queries; ++q) {
      const float estimated = estimate(q, 1);
      worst = std::max(worst, estimated);
      double most = 0, mean = 0, squares = 0;
      for (std::int64_t d = 0; d < kWidth; ++d) most = std::max(most, std::abs(c.at(0, q, d) * step(d)));
      for (std::int64_t k = 0; k < c.keys; ++k) {
        double off = 0;
        for (std::int64_t d = 0; d < kWidth; ++d) {
          const double x = c.at(0, q, d), y = c.at(1, k, d) - starts[static_cast<std::size_t>(d)];
          off += std::nearbyint(x * step(d) * 127 / most) * most / 127 * std::nearbyint(y / step(d)) - x * y;
        }
        mean += off / 300, squares += off * off / 300;
      }
      // What is the same for all keys is none.
      ratios += 1.44269504 / std::sqrt(48.0) * std::sqrt(squares - mean * mean) / estimated / 40;
    }
    // One channel of 48, the largest, is not rounded.
    EXPECT_NEAR(ratios, 1, 0.05);
    EXPECT_EQ(estimate(0, c.queries), worst);
  });
}

TEST(IntegerAttention, WhatIsNoNumberStaysInItsQueryChannelOrHead) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  for_each_form([&](IntegerForm form) {
    for (const float bad : {kNan, kInf, -kInf})
      for (const int part : {0, 1, 2}) {
        Case c(20, 130, 2, 24);
        c.at(part, 5, 30) = bad;  // channel 6 of the second head
        c.run(form, kBytes);
        for (std::int64_t q = 0; q < c.queries; ++q)
          for (std::int64_t d = 0; d < c.channels(); ++d) {
            const bool touched = part == 0 ? q == 5 && d >= 24 : part == 1 ? d >= 24 : d == 30;
            EXPECT_EQ(std::isnan(c.out(q, d)), touched) << bad << " in " << part << ": " << q << ", " << d;
          }
      }
  });
}

}  // namespace
}  // namespace san
