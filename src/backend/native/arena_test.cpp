#include "backend/native/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "backend/native/buffer.h"
#include "base/error.h"

namespace san::native {
namespace {

constexpr std::size_t kMiB = 1 << 20;

struct Block {
  unsigned char* at;
  std::size_t bytes;
  unsigned char mark;
};

bool is_whole(const Block& b) {
  return std::all_of(b.at, b.at + b.bytes, [&](unsigned char c) { return c == b.mark; });
}

TEST(Arena, BlocksKeepTheirContentsWhateverComesAndGoesBesideThem) {
  Arena arena(1, false);
  std::mt19937 random(1);
  std::vector<Block> blocks;
  for (int step = 0; step < 4000; ++step) {
    if (blocks.size() > 30 || (!blocks.empty() && random() % 2 == 0)) {
      const std::size_t i = random() % blocks.size();
      ASSERT_TRUE(is_whole(blocks[i])) << step;
      arena.give_back(blocks[i].at, blocks[i].bytes);
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      const std::size_t bytes = random() % 5000;
      auto* at = static_cast<unsigned char*>(arena.take(bytes));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % 64, 0u);
      blocks.push_back({at, bytes, static_cast<unsigned char>(step)});
      std::memset(at, blocks.back().mark, bytes);
    }
  }
  for (const Block& b : blocks) arena.give_back(b.at, b.bytes);
  const std::size_t held = arena.bytes();
  void* all = arena.take(held - 128);  // with the guard that a sanitizer's build puts behind it
  EXPECT_EQ(arena.bytes(), held) << "what lies side by side is one gap again";
  arena.give_back(all, held - 128);
}

TEST(Arena, TheSmallestGapThatIsWideEnoughIsTaken) {
  Arena arena(1, false);
  void* wide = arena.take(4096);
  void* wall = arena.take(64);
  void* narrow = arena.take(1024);
  void* end = arena.take(64);
  arena.give_back(wide, 4096);
  arena.give_back(narrow, 1024);
  EXPECT_EQ(arena.take(1000), narrow);
  EXPECT_EQ(arena.take(1025), wide);
  static_cast<void>(wall), static_cast<void>(end);
}

TEST(Arena, FreshMemoryBeginsInTheGapBeforeIt) {
  Arena arena(1, false);
  void* last = arena.take(4096);
  arena.give_back(last, 4096);
  EXPECT_EQ(arena.take(1 * kMiB), last);
  EXPECT_LE(arena.bytes(), kMiB + 64);
}

TEST(Arena, TrimmingKeepsWhatWasInUseSinceTheLastTime) {
  Arena arena(1, true);
  void* kept = arena.take(kMiB);
  arena.give_back(arena.take(20 * kMiB), 20 * kMiB);
  arena.trim();
  EXPECT_GE(arena.bytes(), 21 * kMiB) << "it was used";
  arena.give_back(arena.take(5 * kMiB), 5 * kMiB);
  arena.trim();
  EXPECT_LE(arena.bytes(), 6 * kMiB + 128);
  arena.trim();
  EXPECT_LE(arena.bytes(), 1 * kMiB + 64);
  auto* again = static_cast<unsigned char*>(arena.take(30 * kMiB));
  std::memset(again, 1, 30 * kMiB);
  static_cast<void>(kept);
}

TEST(Arena, WhatNoRangeCanHoldIsAnError) {
  EXPECT_THROW(Arena(std::size_t{1} << 60, false), Error);
  Arena arena(1, false);
  EXPECT_EQ(arena.take(std::size_t{1} << 50), nullptr);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(ArenaDeathTest, LeavingABlockIsSeenByTheSanitizer) {
  Arena arena(1, false);
  auto* block = static_cast<volatile char*>(arena.take(100));
  static_cast<void>(arena.take(100));
  EXPECT_DEATH(block[100] = 1, "use-after-poison");
  arena.give_back(const_cast<char*>(block), 100);
  EXPECT_DEATH(block[0] = 1, "use-after-poison");
}
#endif

TEST(BufferPool, BuffersOfOtherSizesHaveTheMemoryOfThoseBefore) {
  const auto pool = std::make_shared<BufferPool>();
  for (int round = 0; round < 3; ++round)
    for (std::int64_t count = 100'000; count < 4'000'000; count = count * 5 / 4) {
      const BufferPtr one = pool->acquire(count), other = pool->acquire(count / 3);
      EXPECT_NE(one, other);
    }
  // The largest pair is 4/3 of 4 million floats.
  EXPECT_LE(pool->bytes(), 4'000'000 * 4 / 3 * 4 + 4096);
}

TEST(BufferPool, MemoryOfALargePictureIsGoneAfterManySmallOnes) {
  const auto pool = std::make_shared<BufferPool>();
  pool->acquire(10'000'000);
  for (int i = 0; i < 9000; ++i) pool->acquire(100'000);
  EXPECT_LE(pool->bytes(), 2 * 400'000);
}

TEST(BufferPool, ABufferOutlivesItsPool) {
  auto pool = std::make_shared<BufferPool>();
  const BufferPtr buffer = pool->acquire(1000);
  pool.reset();
  std::fill_n(buffer.get(), 1000, 1.0f);
  EXPECT_EQ(buffer[999], 1.0f);
}

}  // namespace
}  // namespace san::native
