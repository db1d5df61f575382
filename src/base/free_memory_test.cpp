#include "base/free_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace san {
namespace {

std::int64_t addresses() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

TEST(AvailableMemory, IsWhatALimitOfAddressesLeaves) {
  constexpr std::int64_t kLeft = 64 << 20;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  EXPECT_GT(available_memory_bytes(), 0);
  const rlimit tight{static_cast<rlim_t>(addresses() + kLeft), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0);
  const std::int64_t left = available_memory_bytes();
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_GT(left, 0);
  EXPECT_LE(left, kLeft);
}

}  // namespace
}  // namespace san
