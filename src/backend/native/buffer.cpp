#include "backend/native/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.h"

namespace san::native {
namespace {

constexpr std::int64_t kHugePageBytes = 2 << 20, kCacheLineBytes = 64;
/// So many requests see the largest picture of a kind: what they did not need belongs to one that is gone.
constexpr std::uint64_t kTrimmedAfter = 4096;
constexpr std::size_t kShortBytes = 128 << 10;

}  // namespace

BufferPtr allocate_floats(std::int64_t count) {
  const std::int64_t bytes = std::max<std::int64_t>(count, 1) * static_cast<std::int64_t>(sizeof(float));
  const bool huge = bytes >= kHugePageBytes;
  void* memory = nullptr;
  const int failed =
      ::posix_memalign(&memory, huge ? kHugePageBytes : kCacheLineBytes, static_cast<std::size_t>(bytes));
  require(failed == 0, "out of memory: could not allocate {} bytes", bytes);
  // Only advice: without huge pages it is merely slower.
  if (huge) static_cast<void>(::madvise(memory, static_cast<std::size_t>(bytes), MADV_HUGEPAGE));
  return {static_cast<float*>(memory), [](float* p) { std::free(p); }};
}

struct BufferPool::Release {
  std::shared_ptr<BufferPool> pool;
  Arena* arena;
  std::size_t bytes;
  void operator()(float* block) const {
    const std::lock_guard lock(pool->mutex_);
    arena->give_back(block, bytes);
  }
};

BufferPtr BufferPool::acquire(std::int64_t count) {
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
  Arena* arena = nullptr;
  void* block = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (++requests_ % kTrimmedAfter == 0) trim();
    const bool is_short = bytes < kShortBytes;
    Arenas& arenas = is_short ? short_ : large_;
    for (auto a = arenas.begin(); a != arenas.end() && block == nullptr; ++a) {
      arena = a->get();
      block = arena->take(bytes);
    }
    if (block == nullptr) {
      arena = arenas.emplace_back(std::make_unique<Arena>(bytes, !is_short)).get();
      block = arena->take(bytes);
    }
  }
  return {static_cast<float*>(block), Release{shared_from_this(), arena, bytes},
          RecyclingAllocator<float>(small_)};
}

std::int64_t BufferPool::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const Arenas* arenas : {&large_, &short_})
    for (const auto& arena : *arenas) sum += arena->bytes();
  return static_cast<std::int64_t>(sum);
}

void BufferPool::trim() {
  for (Arenas* arenas : {&large_, &short_})
    std::erase_if(*arenas, [](const auto& arena) {
      arena->trim();
      return arena->bytes() == 0;
    });
}

float* thread_scratch(std::int64_t count, int slot) {
  struct Scratch {
    BufferPtr memory;
    std::int64_t count = 0;
  };
  thread_local std::array<Scratch, 4> slots;
  Scratch& s = slots[static_cast<std::size_t>(slot)];
  if (s.count < count) s = {allocate_floats(count), count};
  return s.memory.get();
}

}  // namespace san::native
