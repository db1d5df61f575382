#include "backend/native/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.h"

namespace san::native {
namespace {

constexpr std::int64_t kHugePageBytes = 2 << 20, kCacheLineBytes = 64;
/// A buffer unused for this many requests belongs to an input size that is gone.
constexpr std::uint64_t kStaleRequests = 4096;

// A quarter of an octave: at most a fifth is wasted, and sizes that nearly agree share buffers.
std::int64_t size_class(std::int64_t count) {
  std::int64_t step = 64;
  while (step * 8 <= count) step *= 2;
  return (count + step - 1) / step * step;
}

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

BufferPtr BufferPool::acquire(std::int64_t count) {
  const std::int64_t size = size_class(count);
  BufferPtr memory;
  {
    const std::lock_guard lock(mutex_);
    ++clock_;
    const auto found = idle_.lower_bound(size);
    if (found != idle_.end() && found->first <= 2 * size) {
      memory = std::move(found->second.memory);
      const std::int64_t held = found->first;
      idle_.erase(found);
      float* p = memory.get();
      return {p, [pool = shared_from_this(), held, memory](float*) mutable {
                pool->release(held, std::move(memory));
              }};
    }
    drop_stale();
    bytes_ += size * static_cast<std::int64_t>(sizeof(float));
  }
  memory = allocate_floats(size);
  float* p = memory.get();
  return {p, [pool = shared_from_this(), size, memory](float*) mutable {
            pool->release(size, std::move(memory));
          }};
}

std::int64_t BufferPool::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void BufferPool::release(std::int64_t count, BufferPtr memory) {
  const std::lock_guard lock(mutex_);
  idle_.emplace(count, Idle{std::move(memory), clock_});
}

void BufferPool::drop_stale() {
  for (auto it = idle_.begin(); it != idle_.end();) {
    if (clock_ - it->second.released < kStaleRequests) {
      ++it;
      continue;
    }
    bytes_ -= it->first * static_cast<std::int64_t>(sizeof(float));
    it = idle_.erase(it);
  }
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
