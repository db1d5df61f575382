#include "backend/torch/cpu_runtime.h"

#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "backend/torch/torch_headers.h"
#include "base/thread_pool.h"

namespace san {
namespace {

constexpr std::size_t kHeader = 64;           // keeps the data on a cache line
constexpr std::size_t kHugePage = 2u << 20;   // of x86-64 and of arm64 with 4 KiB pages
constexpr std::size_t kSmallest = 64u << 10;  // below, malloc reuses memory well enough

// Eight sizes per power of two: at most an eighth is lost.
std::size_t rounded(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(64, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

/// Keeps freed blocks for requests of the same rounded size. What it holds stays below 5/4 of the most that
/// was ever in use at once: blocks beyond that go back to the system.
class ReusingAllocator final : public at::Allocator {
 public:
#if SAN_TORCH_AT_LEAST(2, 0)
  at::DataPtr allocate(std::size_t bytes) override {
    return wrapped(take(bytes));
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
#else
  at::DataPtr allocate(std::size_t bytes) const override {
    return wrapped(take(bytes));
  }
#endif
  at::DeleterFnPtr raw_deleter() const override {
    return &give_back;
  }

  CpuMemory memory() const {
    const std::lock_guard lock(mutex_);
    return memory_;
  }

  static ReusingAllocator& instance() {
    static auto* const allocator = new ReusingAllocator;  // outlives every tensor
    return *allocator;
  }

 private:
  static at::DataPtr wrapped(void* data) {
    return {data, data, &give_back, at::Device(at::kCPU)};
  }

  void* take(std::size_t bytes) const {
    if (bytes == 0) return nullptr;
    const std::size_t size = rounded(bytes + kHeader);
    void* block = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = kept_.find(size); found != kept_.end() && !found->second.empty()) {
        block = found->second.back();
        found->second.pop_back();
        memory_.kept -= size;
      }
      memory_.in_use += size;
      memory_.peak = std::max(memory_.peak, memory_.in_use);
    }
    if (!block) block = fresh(size);
    if (!block) {
      release_kept();
      block = fresh(size);
    }
    if (!block) {
      const std::lock_guard lock(mutex_);
      memory_.in_use -= size;
      throw std::bad_alloc();
    }
    std::memcpy(block, &size, sizeof size);
    return static_cast<std::byte*>(block) + kHeader;
  }

  static void* fresh(std::size_t size) {
    if (size < kHugePage) return std::aligned_alloc(kHeader, size);
    void* block = std::aligned_alloc(kHugePage, (size + kHugePage - 1) / kHugePage * kHugePage);
#ifdef MADV_HUGEPAGE
    if (block) madvise(block, size, MADV_HUGEPAGE);
#endif
    return block;
  }

  static void give_back(void* data) {
    if (data) instance().put(static_cast<std::byte*>(data) - kHeader);
  }

  void put(void* block) {
    std::size_t size;
    std::memcpy(&size, block, sizeof size);
    {
      const std::lock_guard lock(mutex_);
      memory_.in_use -= size;
      if (size >= kSmallest && memory_.in_use + memory_.kept + size <= memory_.peak / 4 * 5) {
        kept_[size].push_back(block);
        memory_.kept += size;
        return;
      }
    }
    std::free(block);
  }

  void release_kept() const {
    const std::lock_guard lock(mutex_);
    for (auto& [size, blocks] : kept_)
      for (void* block : blocks) std::free(block);
    kept_.clear();
    memory_.kept = 0;
  }

  mutable std::mutex mutex_;
  mutable std::map<std::size_t, std::vector<void*>> kept_;
  mutable CpuMemory memory_;
};

}  // namespace

void prepare_cpu_runtime(int threads) {
  static std::once_flag once;
  std::call_once(once, [] { at::SetAllocator(at::kCPU, &ReusingAllocator::instance(), /*priority=*/255); });
  at::set_num_threads(threads > 0 ? threads : available_processors());
}

CpuMemory cpu_memory() {
  return ReusingAllocator::instance().memory();
}

}  // namespace san
