#include "backend/torch/cpu_runtime.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "backend/torch/torch_headers.h"

namespace san {
namespace {

TEST(CpuRuntime, ReusesFreedMemory) {
  prepare_cpu_runtime(0);
  constexpr std::int64_t kValues = 3 << 20;
  const void* first = at::empty({kValues}, at::kFloat).data_ptr();
  const at::Tensor again = at::empty({kValues}, at::kFloat);
  EXPECT_EQ(again.data_ptr(), first);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
  EXPECT_NE(at::empty({kValues}, at::kFloat).data_ptr(), first) << "in use";
}

TEST(CpuRuntime, KeepsLittleMoreThanWasEverInUse) {
  prepare_cpu_runtime(0);
  for (std::int64_t mib = 1; mib < 64; ++mib) at::empty({mib << 18}, at::kFloat);
  const CpuMemory memory = cpu_memory();
  EXPECT_LE(memory.in_use + memory.kept, memory.peak / 4 * 5);
  EXPECT_GE(memory.peak, 63u << 20);
}

TEST(CpuRuntime, ResizesKeepTheirValues) {
  prepare_cpu_runtime(0);
  at::Tensor x = at::arange(40000, at::kFloat);
  x.resize_({90000});
  EXPECT_EQ(x[39999].item<float>(), 39999.0f);
}

TEST(CpuRuntime, SetsTheThreads) {
  prepare_cpu_runtime(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  prepare_cpu_runtime(3);
  EXPECT_EQ(at::get_num_threads(), 3);
  prepare_cpu_runtime(0);
}

}  // namespace
}  // namespace san
