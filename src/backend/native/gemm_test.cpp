#include "backend/native/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <random>
#include <vector>

#include "backend/native/hwy_targets.h"
#include "tensor/host_array.h"
// The targets the kernels are built for, as they see them.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace san {
namespace {

TEST(NativeGemm, PartsCoverEveryPanelOfEveryRowOnceInWholeSteps) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const std::int64_t rows : {0, 1, 80, 1025, 1104, 2260})
      for (const std::int64_t panels : {0, 1, 5, 15, 48})
        for (const std::int64_t macs : {1, 100, 11520}) {
          std::mutex mutex;
          std::vector<int> covered(static_cast<std::size_t>(rows * panels));
          std::int64_t longest = 0, shortest = rows;
          native::for_each_part(
              rows, 8, 208, panels, macs, pool,
              [&](std::int64_t row, std::int64_t row_end, std::int64_t panel, std::int64_t panel_end) {
                const std::lock_guard lock(mutex);
                EXPECT_TRUE(row % 8 == 0 && (row_end % 8 == 0 || row_end == rows)) << row << ' ' << row_end;
                EXPECT_LE(panel_end, panels);
                longest = std::max(longest, row_end - row), shortest = std::min(shortest, row_end - row);
                for (std::int64_t r = row; r < row_end; ++r)
                  for (std::int64_t p = panel; p < panel_end; ++p)
                    ++covered[static_cast<std::size_t>(r * panels + p)];
              });
          EXPECT_TRUE(std::ranges::all_of(covered, [](int n) { return n == 1; })) << rows << " × " << panels;
          EXPECT_LE(longest, 208);
          // Steps differ by one, and the last may be short.
          if (panels > 0) {
            EXPECT_LE(longest - shortest, 15) << rows;
          }
        }
  }
}

// Against sums in float64, from which float32 is off by a rounding of every product and sum at most, and
// halves against their floats, bit for bit. Depths of one block, of several, and, of 230 rows, of several
// slabs; rows of a whole tile, of less, and of both.
TEST(NativeGemm, FloatsAndHalvesAreSumsOfProducts) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    SCOPED_TRACE(hwy::TargetName(left & -left));
    for (const std::int64_t depth : {0, 1, 193, 287, 288, 500, 1300})
      for (const std::int64_t columns : {1, 48, 100})
        for (const std::int64_t rows : {1, 8, 11, 230}) {
          std::vector<float> x(static_cast<std::size_t>(rows * depth)), w, c;
          for (float& v : x) v = normal(random);
          std::vector<std::uint16_t> bits;
          for (std::int64_t i = 0; i < columns * depth; ++i) {
            // Of 2^-4 to 2^4.
            bits.push_back(static_cast<std::uint16_t>((random() & 0x83ff) | (11 + random() % 8) << 10));
            w.push_back(half_to_float(bits.back()));
          }
          for (std::int64_t i = 0; i < columns; ++i) c.push_back(normal(random));
          const auto product = [&](native::Lanes lanes, const auto* source) {
            native::PackedMatrix packed = native::make_packed(
                depth, columns, native::allocate_floats(native::packed_floats(depth, columns, lanes)), lanes);
            native::pack_matrix(source, 1, depth, packed, 0, packed.panels());
            std::vector<float> y(static_cast<std::size_t>(rows * columns));
            native::Gemm g;
            g.a = x.data(), g.a_stride = depth, g.rows = rows, g.b = &packed;
            g.c = y.data(), g.c_stride = columns, g.bias = c.data();
            native::gemm(g, pool);
            return y;
          };
          const std::vector<float> y = product(native::Lanes::kFloats, w.data());
          for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t o = 0; o < columns; ++o) {
              double sum = c[static_cast<std::size_t>(o)], magnitude = std::abs(sum);
              for (std::int64_t k = 0; k < depth; ++k) {
                const double term = double{x[static_cast<std::size_t>(r * depth + k)]} *
                                    double{w[static_cast<std::size_t>(o * depth + k)]};
                sum += term, magnitude += std::abs(term);
              }
              ASSERT_NEAR(y[static_cast<std::size_t>(r * columns + o)], sum,
                          static_cast<double>(depth + 2) * 0x1p-24 * magnitude)
                  << rows << " × " << depth << " × " << columns;
            }
          if (native::halves_are_cheap()) {
            EXPECT_EQ(product(native::Lanes::kHalves, bits.data()), y)
                << rows << " × " << depth << " × " << columns;
          }
        }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace san
