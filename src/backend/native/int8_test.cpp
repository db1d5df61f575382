#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "backend/backend_suite/suite.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/int8_gemm.h"
#include "backend/native/native_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/test_error.h"
#include "tensor/int8_rows.h"
// The targets the kernels are built for, as they see them.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace san {
namespace {

using namespace native;
using test::error_of;

bool everything(std::string_view) {
  return true;
}

// The whole suite with every linear layer in int8: results near, since 256 steps a row and 255 a weight are a
// relative error of about 0.01 of the rms of a sum of normals, whose outliers come to 4 times that, and
// exponentials of them to 20; a wrong layout, stride or index would be off by more than the rms.
[[maybe_unused]] const int registered = [] {
  int count = 0;
  // Attention: by matrix registers as bf16_test.cpp says; by VNNI in bytes, whose bounds
  // attention_integers_test.cpp has; against an rms of means of many values the worst is off by more.
  const std::vector<suite::Tolerance> near = {
      {"linear", 0.4, "int8"}, {"mlp", 0.15, "int8"}, {"attention", 0.4, "int8"}};
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    const std::int64_t target = left & -left;
    count += suite::register_backend(
        std::string("native_int8_") + hwy::TargetName(target),
        [target] {
          hwy::SetSupportedTargetsForTest(target);
          return make_native_backend({2, nullptr, everything});
        },
        near);
  }
  return count;
}();

/// Runs body once for each instruction set and form that this machine can run.
template <class Body>
void for_each_form(const Body& body) {
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    for (const Int8Form form : int8_forms()) {
      SCOPED_TRACE(fmt::format("{}, form {}", hwy::TargetName(left & -left), static_cast<int>(form)));
      body(form);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

PackedInt8 pack_int8(const Int8Rows& w, Int8Form form) {
  PackedInt8 packed =
      make_packed_int8(w.columns, w.rows, form, allocate_floats(int8_packed_floats(w.columns, w.rows, form)));
  // In two steps, as threads do it.
  const std::int64_t half = packed.panels() / 2;
  pack_int8(w.values.data(), packed, 0, half);
  pack_int8(w.values.data() + half * packed.panel * w.columns, packed, half, packed.panels());
  std::ranges::copy(w.scales, packed.scales.begin());
  return packed;
}

/// The definition of a quantised row: q − zero, as int8_gemm.h says.
struct PlainRow {
  std::vector<std::int32_t> centred;
  float scale = 0;
};
PlainRow plain_row(const float* x, std::int64_t depth) {
  float low = 0, high = 0;
  for (std::int64_t k = 0; k < depth; ++k) low = std::min(low, x[k]), high = std::max(high, x[k]);
  PlainRow row;
  row.centred.resize(static_cast<std::size_t>(depth));
  row.scale = (high - low) / 255.0f;
  if (row.scale < 1e-36f) return row;  // 255 / range would not be finite
  const float steps = 255.0f / (high - low);
  const int zero = static_cast<int>(std::nearbyint(-low * steps));
  for (std::int64_t k = 0; k < depth; ++k)
    row.centred[static_cast<std::size_t>(k)] =
        std::clamp(static_cast<int>(std::nearbyint(x[k] * steps)), -zero, 255 - zero);
  return row;
}

struct Product {
  std::int64_t rows, depth, columns;
  std::vector<float> x;
  Int8Rows w;

  Product(std::int64_t r, std::int64_t k, std::int64_t c, unsigned seed = 1) : rows(r), depth(k), columns(c) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.3f, 1);
    x.resize(static_cast<std::size_t>(rows * depth));
    for (float& v : x) v = normal(random);
    w.rows = columns, w.columns = depth;
    w.values.resize(static_cast<std::size_t>(columns * depth));
    for (auto& v : w.values) v = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
    w.scales.assign(static_cast<std::size_t>(columns), 1.0f);
  }

  /// Σ (q − zero) · w as the kernels compute it: a scale of one makes their result the integer.
  std::vector<float> sums(Int8Form form, int threads = 1) const {
    ThreadPool pool(threads);
    const PackedInt8 packed = pack_int8(w, form);
    std::vector<float> memory(static_cast<std::size_t>(int8_activation_floats(rows, depth, form)));
    const Int8Activations a = int8_activations(memory.data(), rows, depth, form);
    quantize_activations(x.data(), depth, depth, form, a, 0, rows);
    for (std::int64_t r = 0; r < rows; ++r)
      if (a.scales[r] != 0) a.scales[r] = 1;
    std::vector<float> c(static_cast<std::size_t>(rows * columns), -1.0f);
    Int8Gemm g;
    g.a = a, g.rows = rows, g.b = &packed, g.c = c.data(), g.c_stride = columns;
    int8_gemm(g, pool);
    return c;
  }

  std::vector<float> plain_sums() const {
    std::vector<float> c;
    for (std::int64_t r = 0; r < rows; ++r) {
      const PlainRow row = plain_row(x.data() + r * depth, depth);
      for (std::int64_t o = 0; o < columns; ++o) {
        std::int32_t sum = 0;
        for (std::int64_t k = 0; k < depth; ++k)
          sum += row.centred[static_cast<std::size_t>(k)] * w.values[static_cast<std::size_t>(o * depth + k)];
        c.push_back(static_cast<float>(sum));
      }
    }
    return c;
  }
};

TEST(Int8, IntegersAreThoseOfThePlainSums) {
  for_each_form([](Int8Form form) {
    for (const std::int64_t depth : {1, 2, 3, 4, 5, 17, 64, 255, 480})
      for (const std::int64_t columns : {1, 7, 8, 17, 24, 49, 100})
        for (const std::int64_t rows : {1, 5, 6, 13, 35}) {
          const Product p(rows, depth, columns);
          ASSERT_EQ(p.sums(form), p.plain_sums()) << rows << " × " << depth << " × " << columns;
        }
    const Product large(230, 96, 200);
    EXPECT_EQ(large.sums(form, 2), large.plain_sums());
  });
}

// The largest sums there are, 255 · 127 a product at the greatest depth, in both signs.
TEST(Int8, SumsOfTheGreatestDepthFit) {
  for_each_form([](Int8Form form) {
    for (const int sign : {1, -1}) {
      Product p(2, kInt8MaxDepth, 2);
      std::fill(p.x.begin(), p.x.begin() + kInt8MaxDepth, 3.0f);  // q = 255, zero 0
      std::fill(p.x.begin() + kInt8MaxDepth, p.x.end(), -3.0f);   // q = 0, zero 255
      std::fill(p.w.values.begin(), p.w.values.end(), static_cast<std::int8_t>(127 * sign));
      const auto most = static_cast<float>(sign * 255 * 127 * kInt8MaxDepth);
      EXPECT_EQ(p.sums(form), (std::vector<float>{most, most, -most, -most}));
    }
  });
  EXPECT_THROW(make_packed_int8(kInt8MaxDepth + 1, 1, Int8Form::kPortableQuads, nullptr), Error);
}

TEST(Int8, RowsAreQuantizedAsDefined) {
  constexpr float kInf = std::numeric_limits<float>::infinity(),
                  kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<float>> rows = {{0, 0, 0, 0, 0},         {1, 2, 3, 4, 5},
                                                {-1, -2, -3, -4, -5},    {1e-38f, 0, 0, 0, 0},
                                                {-0.17f, 3, 0, 0.1f, 1}, {0.5f, 1.5f, 2.5f, -252.5f, 0},
                                                {1e37f, -1e37f, 0, 1, 2}};
  for_each_form([&](Int8Form form) {
    for (const auto& row : rows) {
      std::vector<float> memory(static_cast<std::size_t>(int8_activation_floats(1, 5, form)));
      const Int8Activations a = int8_activations(memory.data(), 1, 5, form);
      quantize_activations(row.data(), 5, 5, form, a, 0, 1);
      const PlainRow plain = plain_row(row.data(), 5);
      EXPECT_EQ(a.scales[0], plain.scale < 1e-36f ? 0 : plain.scale);
    }
    for (const float bad : {kInf, -kInf, kNan}) {
      Product p(3, 20, 9);
      const std::vector<float> good = p.sums(form);
      p.x[25] = bad;
      const std::vector<float> spoilt = p.sums(form);
      for (std::size_t i = 0; i < good.size(); ++i) {
        if (i / 9 == 1) continue;
        EXPECT_EQ(spoilt[i], good[i]);
      }
    }
  });
}

TEST(Int8, BackendPassesOnWhatIsNoNumberInItsRowAlone) {
  const auto b = make_native_backend({1, nullptr, everything});
  std::vector<float> x(3 * 20, 0.5f);
  x[25] = std::numeric_limits<float>::quiet_NaN();
  const LinearWeight w =
      b->prepare_linear({"w", HostArray::from({9, 20}, std::vector<float>(180, 0.25f))}, nullptr);
  const std::vector<float> y = b->to_host(b->linear(b->from_host({3, 20}, x), w));
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 9 == 1) << i;
}

// A layer's answer is near the exact one by what the steps allow: half a step of the row times the weights'
// magnitudes, and half a step of each weight times the row's.
TEST(Int8, LayersAreWithinHalfAStepOfTheExactOnes) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const std::int64_t rows = 37, in = 130, out = 61;
  std::vector<float> x(static_cast<std::size_t>(rows * in)), w(static_cast<std::size_t>(in * out)),
      c(static_cast<std::size_t>(out));
  for (auto* values : {&x, &w, &c})
    for (float& v : *values) v = normal(random);
  const Param weight{"w", HostArray::from({out, in}, w)}, bias{"b", HostArray::from({out}, c)};
  const auto exact = make_reference_backend(), near = make_native_backend({2, nullptr, everything});
  const auto run = [&](Backend& b) {
    return b.to_host(b.linear(b.from_host({rows, in}, x), b.prepare_linear(weight, &bias)));
  };
  const std::vector<float> expected = run(*exact), actual = run(*near);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto [low, high] = std::minmax_element(x.begin() + r * in, x.begin() + (r + 1) * in);
    const float step = (*high - *low) / 255;
    for (std::int64_t o = 0; o < out; ++o) {
      float weights = 0, inputs = 0, largest = 0;
      for (std::int64_t k = 0; k < in; ++k) {
        weights += std::abs(w[static_cast<std::size_t>(o * in + k)]);
        inputs += std::abs(x[static_cast<std::size_t>(r * in + k)]) + step / 2;
        largest = std::max(largest, std::abs(w[static_cast<std::size_t>(o * in + k)]));
      }
      const auto at = static_cast<std::size_t>(r * out + o);
      // A clamped value may be off by one step more.
      EXPECT_LE(std::abs(actual[at] - expected[at]),
                0.5f * step * weights + step * largest + inputs * largest / 254 + 1e-4f);
    }
  }
}

TEST(Int8, FusedMlpIsItsTwoLayers) {
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    const auto b = make_native_backend({2, nullptr, everything});
    std::vector<float> values(static_cast<std::size_t>(300 * 48 * 4));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 37 % 101) * 0.02f - 1;
    const auto part = [&](std::int64_t count) { return std::vector(values.begin(), values.begin() + count); };
    const LinearWeight up = b->prepare_linear({"up", HostArray::from({192, 48}, part(192 * 48))}, nullptr),
                       down =
                           b->prepare_linear({"down", HostArray::from({48, 192}, part(192 * 48))}, nullptr);
    const Tensor x = b->from_host({1, 300, 48}, part(300 * 48));
    EXPECT_EQ(b->to_host(b->mlp(x, up, Activation::kGelu, down, x)),
              b->to_host(b->linear(b->linear(x, up, {Activation::kGelu, {}}), down, {Activation::kNone, x})));
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Int8, TheRuleChoosesByNameAndForksKeepIt) {
  const auto b = make_native_backend({1, nullptr, [](std::string_view name) { return name == "coarse"; }});
  std::vector<float> w(64);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 0.013f * static_cast<float>(i) - 0.3f;
  std::vector<float> x(16);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.37f * static_cast<float>(i) - 1;
  const auto answer = [&](Backend& on, const char* name, LinearLayout layout = LinearLayout::kOutIn) {
    const LinearWeight weight = on.prepare_linear(
        {name, HostArray::from(layout == LinearLayout::kOutIn ? Shape{4, 16} : Shape{16, 4}, w)}, nullptr,
        layout);
    return on.to_host(on.linear(on.from_host({1, 16}, x), weight));
  };
  EXPECT_NE(answer(*b, "coarse"), answer(*b, "fine"));
  EXPECT_EQ(answer(*b->fork(), "coarse"), answer(*b, "coarse"));
  EXPECT_EQ(answer(*b, "fine"), answer(*make_native_backend({1}), "coarse"));
  // A projection [in, out] has its scales elsewhere and stays exact.
  EXPECT_EQ(answer(*b, "coarse", LinearLayout::kInOut), answer(*b, "fine", LinearLayout::kInOut));
}

TEST(Int8, WeightsThatAreNotFiniteAreNamed) {
  const auto b = make_native_backend({1, nullptr, everything});
  std::vector<float> w(6, 1.0f);
  w[4] = std::numeric_limits<float>::infinity();
  const std::string error = error_of([&] {
    b->prepare_linear({"blocks.3.fc", HostArray::from({3, 2}, w)}, nullptr);
  });
  EXPECT_NE(error.find("blocks.3.fc: row 2"), std::string::npos) << error;
}

}  // namespace
}  // namespace san
