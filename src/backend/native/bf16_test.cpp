#include "backend/native/bf16.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "backend/backend_suite/suite.h"
#include "backend/native/attention.h"
#include "backend/native/gemm.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/native_backend.h"
#include "tensor/host_array.h"
// The targets the kernels are built for, as they see them.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace san {
namespace {

bool everything(std::string_view) {
  return true;
}

std::unique_ptr<Backend> bf16_backend(int threads) {
  return make_native_backend({threads, nullptr, nullptr, everything});
}

// The whole suite: both factors of a product are off by 2^-9 of themselves at most, evenly spread, so a sum
// of such products by √2 · 2^-9 / √3 = 0.0016 of its rms, whose outliers come to 5 times that. Exponentials
// of them, as a layer's activation or of attention's scores, are off by as many times as much as they are
// large: scores have an rms of 25 at most, so 0.2. A wrong layout, stride or index would be off by more than
// the rms; the tests below are close.
[[maybe_unused]] const int registered = [] {
  int count = 0;
  const std::vector<suite::Tolerance> near = {
      {"linear", 0.1, "bfloat16"}, {"mlp", 0.03, "bfloat16"}, {"attention", 0.2, "bfloat16"}};
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    const std::int64_t target = left & -left;
    count += suite::register_backend(
        std::string("native_bf16_") + hwy::TargetName(target),
        [target] {
          hwy::SetSupportedTargetsForTest(target);
          return bf16_backend(2);
        },
        near);
  }
  return count;
}();

template <class Body>
void for_each_target(const Body& body) {
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    SCOPED_TRACE(hwy::TargetName(left & -left));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

/// Runs body once for each instruction set and form that this machine can run.
template <class Body>
void for_each_form(const Body& body) {
  for_each_target([&] {
    for (const native::Bf16Form form : native::bf16_forms()) {
      SCOPED_TRACE(fmt::format("form {}", static_cast<int>(form)));
      body(form);
    }
  });
}

double rounded(float x) {
  return bfloat16_to_float(float_to_bfloat16(x));
}

std::vector<float> normals(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(random);
  return values;
}

TEST(Bf16, RowsAreRoundedAsDefined) {
  constexpr float kInf = std::numeric_limits<float>::infinity(),
                  kNan = std::numeric_limits<float>::quiet_NaN();
  const float all_ones = std::bit_cast<float>(0x7fffffffu);  // no number, whose rounding would overflow
  // 1 + 2^-8 is between 1 and 1 + 2^-7; 1 + 3 · 2^-8 between it and 1 + 2^-6: ties go to the even one.
  std::vector<float> row = {0,     -0.0f, 1,     1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1.1p-8f, -1.7f,
                            3e38f, kInf,  -kInf, kNan,        -kNan,           all_ones,      1e-40f};
  while (row.size() < 37) row.push_back(0.37f * static_cast<float>(row.size()) - 5);
  for_each_target([&] {
    std::vector<float> pairs(static_cast<std::size_t>(2 * native::row_pairs(37)));
    std::vector<float> rows(row);
    rows.resize(40);
    rows.insert(rows.end(), row.begin(), row.end());
    native::round_to_bf16(rows.data(), 40, 37, pairs.data(), 0, 2);
    const auto* bits = reinterpret_cast<const std::uint16_t*>(pairs.data());
    for (int r = 0; r < 2; ++r) {
      for (std::size_t i = 0; i < row.size(); ++i)
        EXPECT_EQ(bits[static_cast<std::size_t>(r) * 38 + i], float_to_bfloat16(row[i])) << row[i];
      EXPECT_EQ(bits[static_cast<std::size_t>(r) * 38 + 37], 0) << "beside the last of an odd number";
    }
  });
}

// Against sums in float64 of the rounded factors: what is left is float32 addition, whose error is at most
// depth + 2 roundings of the sum of magnitudes.
TEST(Bf16, LayersAreSumsOfRoundedProducts) {
  ThreadPool pool(2);
  for_each_form([&](native::Bf16Form form) {
    for (const std::int64_t depth : {1, 2, 7, 64, 193, 480})
      for (const std::int64_t columns : {1, 17, 48, 100})
        for (const std::int64_t rows : {1, 5, 230}) {
          const std::vector<float> x = normals(rows * depth, 1), w = normals(columns * depth, 2),
                                   c = normals(columns, 3);
          constexpr auto kPairs = native::Lanes::kBf16Pairs;
          native::PackedMatrix packed = native::make_packed(
              depth, columns, native::allocate_floats(native::packed_floats(depth, columns, kPairs)), kPairs);
          native::pack_matrix_bf16(w.data(), depth, 1, depth, packed, 0, packed.panels());
          packed.form = form;
          std::vector<float> pairs(static_cast<std::size_t>(rows * packed.depth)),
              y(static_cast<std::size_t>(rows * columns));
          native::round_to_bf16(x.data(), depth, depth, pairs.data(), 0, rows);
          native::Gemm g;
          g.a = pairs.data(), g.a_stride = packed.depth, g.rows = rows, g.b = &packed;
          g.c = y.data(), g.c_stride = columns, g.bias = c.data();
          native::gemm(g, pool);
          for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t o = 0; o < columns; ++o) {
              double sum = c[static_cast<std::size_t>(o)], magnitude = std::abs(sum);
              for (std::int64_t k = 0; k < depth; ++k) {
                const double product = rounded(x[static_cast<std::size_t>(r * depth + k)]) *
                                       rounded(w[static_cast<std::size_t>(o * depth + k)]);
                sum += product, magnitude += std::abs(product);
              }
              ASSERT_NEAR(y[static_cast<std::size_t>(r * columns + o)], sum,
                          static_cast<double>(depth + 2) * 0x1p-24 * magnitude)
                  << rows << " × " << depth << " × " << columns;
            }
        }
  });
}

// Against float64 on rounded queries, keys and values: exponentials are rounded too, by 2^-9 of themselves,
// and so is their sum, of which the answer's error is at most 2^-8 of the mean magnitude; the rest is
// float32.
TEST(Bf16, AttentionIsThatOfRoundedValues) {
  constexpr double kLog2e = 1.4426950408889634;
  ThreadPool pool(2);
  const auto buffers = std::make_shared<native::BufferPool>();
  for_each_form([&](native::Bf16Form form) {
    for (const auto& [tokens, width] :
         {std::pair<std::int64_t, std::int64_t>{1, 8}, {7, 5}, {150, 40}, {131, 64}}) {
      constexpr std::int64_t kHeads = 2;
      const std::int64_t channels = kHeads * width;
      const std::vector<float> x = normals(3 * tokens * channels, 4);
      std::vector<float> y(static_cast<std::size_t>(tokens * channels));
      const auto part = [&](std::int64_t i) -> native::Heads {
        return {x.data() + i * tokens * channels, 0, channels};
      };
      native::Attention attention;
      attention.batch = 1, attention.heads = kHeads, attention.width = width;
      attention.queries = attention.keys = tokens;
      attention.q = part(0), attention.k = part(1), attention.v = part(2);
      attention.bf16 = form;
      // What memory held before must not matter.
      constexpr std::int64_t kMuch = 1 << 17;
      std::fill_n(buffers->acquire(kMuch).get(), kMuch, std::numeric_limits<float>::quiet_NaN());
      attention.out = y.data();
      native::fused_attention(attention, *buffers, pool);
      const float scale = static_cast<float>(kLog2e) / std::sqrt(static_cast<float>(width));
      const auto at = [&](std::int64_t i, std::int64_t token, std::int64_t channel) {
        return x[static_cast<std::size_t>((i * tokens + token) * channels + channel)];
      };
      for (std::int64_t q = 0; q < tokens; ++q)
        for (std::int64_t h = 0; h < kHeads; ++h) {
          std::vector<double> weights;
          double total = 0;
          for (std::int64_t k = 0; k < tokens; ++k) {
            double score = 0;
            for (std::int64_t d = 0; d < width; ++d)
              score += rounded(at(0, q, h * width + d) * scale) * rounded(at(1, k, h * width + d));
            weights.push_back(std::exp2(score));
            total += weights.back();
          }
          for (std::int64_t d = 0; d < width; ++d) {
            double mean = 0, magnitude = 0;
            for (std::int64_t k = 0; k < tokens; ++k) {
              const double term =
                  weights[static_cast<std::size_t>(k)] / total * rounded(at(2, k, h * width + d));
              mean += term, magnitude += std::abs(term);
            }
            ASSERT_NEAR(y[static_cast<std::size_t>(q * channels + h * width + d)], mean,
                        0x1p-8 * magnitude + 1e-5);
          }
        }
    }
  });
}

TEST(Bf16, FusedMlpIsItsTwoLayersAndForksKeepTheRule) {
  for_each_target([] {
    const auto first = bf16_backend(2);
    const auto b = first->fork();
    const std::vector<float> w = normals(192 * 48, 5);
    const LinearWeight up = b->prepare_linear({"up", HostArray::from({192, 48}, w)}, nullptr),
                       down = b->prepare_linear({"down", HostArray::from({48, 192}, w)}, nullptr);
    const Tensor x = b->from_host({1, 300, 48}, normals(300 * 48, 6));
    const std::vector<float> y = b->to_host(b->mlp(x, up, Activation::kGelu, down, x));
    EXPECT_EQ(y,
              b->to_host(b->linear(b->linear(x, up, {Activation::kGelu, {}}), down, {Activation::kNone, x})));
    const auto exact = make_native_backend({1});
    const Tensor same = exact->from_host({1, 300, 48}, normals(300 * 48, 6));
    EXPECT_NE(
        y, exact->to_host(exact->mlp(
               same, exact->prepare_linear({"up", HostArray::from({192, 48}, w)}, nullptr), Activation::kGelu,
               exact->prepare_linear({"down", HostArray::from({48, 192}, w)}, nullptr), same)));
  });
}

TEST(Bf16, WhatIsNoNumberStaysInItsRow) {
  for_each_target([] {
    const auto b = bf16_backend(1);
    std::vector<float> x(3 * 20, 0.5f);
    x[25] = std::numeric_limits<float>::quiet_NaN();
    const LinearWeight w =
        b->prepare_linear({"w", HostArray::from({9, 20}, std::vector<float>(180, 0.25f))}, nullptr);
    const std::vector<float> y = b->to_host(b->linear(b->from_host({3, 20}, x), w));
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 9 == 1) << i;
  });
}

}  // namespace
}  // namespace san
