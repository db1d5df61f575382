#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "backend/backend_suite/suite.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/native_backend.h"
// The targets the kernels are built for, as they see them.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace san {
namespace {

// Every instruction set the kernels have on this machine, and the one they choose.
const int registered = [] {
  int count = suite::register_backend("native", [] {
    hwy::SetSupportedTargetsForTest(0);
    return make_native_backend({2});
  });
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    const std::int64_t target = left & -left;
    count += suite::register_backend(std::string("native_") + hwy::TargetName(target), [target] {
      hwy::SetSupportedTargetsForTest(target);
      return make_native_backend({1});
    });
  }
  return count;
}();

TEST(NativeBackend, RunsTheWholeSuite) {
  EXPECT_GT(registered, 500);
}

// What Highway offers on this machine and the kernels leave out: vectors without a size, and what it builds
// on request alone. The rest is registered above.
TEST(NativeBackend, HasEveryInstructionSetButTheseFew) {
  hwy::SetSupportedTargetsForTest(0);
  constexpr std::int64_t kSizeless = HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128;
  constexpr std::int64_t kPlain = HWY_SCALAR | HWY_EMU128;  // of which the compiler decides
  const std::int64_t left_out = hwy::SupportedTargets() & ~(HWY_TARGETS | kSizeless | HWY_AVX3_DL | kPlain);
  EXPECT_EQ(left_out, 0) << hwy::TargetName(left_out & -left_out);
  EXPECT_TRUE(HWY_ARCH_ARM_A64 || (HWY_TARGETS & kPlain) != 0);  // every ARM64 processor has NEON
}

// As on an ARM processor without AES, whose NEON Highway 1.0 does not detect.
TEST(NativeBackend, NamesItsInstructionSetWhereNoneIsDetected) {
  hwy::SetSupportedTargetsForTest(HWY_WASM);
  const std::string name = native_instruction_set();
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_EQ(name, hwy::TargetName(HWY_STATIC_TARGET));
}

TEST(NativeBackend, ForksShareWeights) {
  hwy::SetSupportedTargetsForTest(0);
  const auto first = make_native_backend({1});
  const Param w{"w", HostArray::from({3, 2}, {1, 2, 3, 4, 5, 6})};
  const LinearWeight linear = first->prepare_linear(w, nullptr);
  const auto second = first->fork();
  const Tensor y = second->linear(second->from_host({1, 2}, std::vector<float>{1, 10}), linear);
  EXPECT_EQ(second->to_host(y), (std::vector<float>{21, 43, 65}));
}

// Every half there is, as the first column of a matrix of several panels, and the same as floats; all of it
// and some rows.
TEST(NativeBackend, WeightsOfHalvesAreThoseOfTheirFloats) {
  constexpr std::int64_t kRows = 512, kColumns = 128;
  auto halves = std::make_shared<std::vector<std::uint16_t>>();
  std::vector<float> floats;
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
    auto bits = static_cast<std::uint16_t>(i);
    if ((bits >> 10 & 31) == 31) bits = 0x3c00;  // an infinity or no number would spoil whole sums
    halves->push_back(bits);
    floats.push_back(half_to_float(bits));
  }
  const HostArray of_halves{
      DType::kF16, {kRows, kColumns}, {halves, reinterpret_cast<const std::byte*>(halves->data())}};
  std::vector<float> x;
  for (std::int64_t i = 0; i < kColumns; ++i) x.push_back(static_cast<float>(i % 3) - 1.0f);
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    const auto b = make_native_backend({2});
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, -1}, {100, 333}}) {
      Param half{"w", of_halves}, whole{"w", HostArray::from({kRows, kColumns}, floats)};
      for (Param* p : {&half, &whole}) p->row_begin = begin, p->row_end = end;
      const auto product = [&](const Param& p) {
        return b->to_host(b->linear(b->from_host({1, kColumns}, x), b->prepare_linear(p, nullptr)));
      };
      EXPECT_EQ(product(half), product(whole)) << hwy::TargetName(left & -left);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Sessions on two threads that share a budget of two: the results of one alone.
TEST(NativeBackend, SessionsShareThreads) {
  hwy::SetSupportedTargetsForTest(0);
  const auto threads = std::make_shared<ThreadPool>(2);
  const auto first = make_native_backend({0, threads});
  std::vector<float> values(96 * 96);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 29) * 0.1f - 1.4f;
  const LinearWeight w = first->prepare_linear({"w", HostArray::from({96, 96}, values)}, nullptr);
  const auto run = [&](Backend& b) {
    Tensor x = b.from_host({1, 96, 96}, values);
    for (int i = 0; i < 20; ++i) x = b.softmax(b.linear(x, w));
    return b.to_host(x);
  };
  const std::vector<float> expected = run(*first);
  std::vector<std::vector<float>> results(3);
  std::vector<std::thread> callers;
  for (auto& result : results) callers.emplace_back([&, own = first->fork()] { result = run(*own); });
  for (std::thread& caller : callers) caller.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(NativeBackend, ResultsOutliveTheSession) {
  Tensor y;
  {
    const auto backend = make_native_backend({2});
    y = backend->add(backend->from_host({2}, std::vector<float>{1, 2}),
                     backend->from_host({1}, std::vector<float>{3}));
  }
  EXPECT_EQ(make_native_backend({1})->to_host(y), (std::vector<float>{4, 5}));
}

TEST(NativeBackend, SameResultForAnyNumberOfThreads) {
  hwy::SetSupportedTargetsForTest(0);
  std::vector<float> values(300 * 96);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 37) * 0.1f - 1.7f;
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    const auto b = make_native_backend({threads});
    const Tensor x = b->from_host({1, 300, 96}, values);
    const LinearWeight w = b->prepare_linear(
        {"w", HostArray::from({96, 96}, {values.begin(), values.begin() + 96 * 96})}, nullptr);
    results.push_back(b->to_host(b->attention(b->linear(x, w), x, x, {3, {}, false, {}, {}})));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace san
