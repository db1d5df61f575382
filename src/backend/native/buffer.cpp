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
  {
    std::unique_lock lock(mutex_);
    ++clock_;
    const auto found = std::ranges::lower_bound(idle_, size, {}, &Idle::count);
    if (found != idle_.end() && found->count <= 2 * size) {
      BufferPtr memory = std::move(found->memory);
      const std::int64_t held = found->count;
      idle_.erase(found);
      lock.unlock();
      return handle(held, std::move(memory));
    }
    drop_stale();
    bytes_ += size * static_cast<std::int64_t>(sizeof(float));
  }
  return handle(size, allocate_floats(size));
}

BufferPtr BufferPool::handle(std::int64_t count, BufferPtr memory) {
  float* first = memory.get();
  return {first,
          [pool = shared_from_this(), count, memory = std::move(memory)](float*) mutable {
            pool->release(count, std::move(memory));
          },
          RecyclingAllocator<float>(small_)};
}

std::int64_t BufferPool::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void BufferPool::release(std::int64_t count, BufferPtr memory) {
  const std::lock_guard lock(mutex_);
  // Behind those of its size: the one that lay longest is taken first.
  idle_.insert(std::ranges::upper_bound(idle_, count, {}, &Idle::count),
               Idle{count, std::move(memory), clock_});
}

void BufferPool::drop_stale() {
  std::erase_if(idle_, [&](const Idle& buffer) {
    if (clock_ - buffer.released < kStaleRequests) return false;
    bytes_ -= buffer.count * static_cast<std::int64_t>(sizeof(float));
    return true;
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
