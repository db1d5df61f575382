#include "backend/native/arena.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SAN_ARENA_WATCHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SAN_ARENA_WATCHED
#endif
#ifdef SAN_ARENA_WATCHED
#include <sanitizer/asan_interface.h>
#endif

namespace san::native {
namespace {

constexpr std::size_t kHugePage = 2 << 20, kLine = 64;
/// Addresses cost nothing where they are not limited.
constexpr std::size_t kReserved = std::size_t{64} << 30, kReservedOfFew = std::size_t{32} << 20;

std::size_t up(std::size_t bytes, std::size_t to) {
  return (bytes + to - 1) / to * to;
}

#ifdef SAN_ARENA_WATCHED
constexpr std::size_t kGuard = 64;  // never given out: who leaves his block meets it
void forbid(const void* from, std::size_t bytes) {
  __asan_poison_memory_region(from, bytes);
}
void allow(const void* from, std::size_t bytes) {
  __asan_unpoison_memory_region(from, bytes);
}
#else
constexpr std::size_t kGuard = 0;
void forbid(const void*, std::size_t) {}
void allow(const void*, std::size_t) {}
#endif

std::size_t held(std::size_t bytes) {
  return up(std::max<std::size_t>(bytes, 1), kLine) + kGuard;
}

bool addresses_are_limited() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

Arena::Arena(std::size_t bytes, bool huge) : huge_(huge) {
  const std::size_t least = up(held(bytes), kHugePage);
  std::size_t wanted = std::max(least, addresses_are_limited() ? kReservedOfFew : kReserved);
  for (;; wanted = std::max(least, wanted / 4)) {
    mapped_ = wanted + kHugePage;
    void* mapping = ::mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping != MAP_FAILED) {
      mapping_ = static_cast<std::byte*>(mapping);
      break;
    }
    require(wanted > least, "out of memory: could not allocate {} bytes", bytes);
  }
  const std::size_t address = reinterpret_cast<std::uintptr_t>(mapping_);
  base_ = mapping_ + (up(address, kHugePage) - address);
  capacity_ = wanted;
}

Arena::~Arena() {
  allow(base_, writable_);
  ::munmap(mapping_, mapped_);
}

void* Arena::take(std::size_t bytes) {
  const std::size_t wanted = held(bytes);
  const auto fits = [&](const Gap& gap) { return gap.bytes >= wanted; };
  auto best = std::ranges::find_if(gaps_, fits);
  for (auto gap = best; gap != gaps_.end(); ++gap)
    if (fits(*gap) && gap->bytes < best->bytes) best = gap;
  std::size_t begin = 0;
  if (best != gaps_.end()) {
    begin = best->begin;
    best->begin += wanted;
    best->bytes -= wanted;
    if (best->bytes == 0) gaps_.erase(best);
  } else {
    const bool joins = !gaps_.empty() && gaps_.back().end() == end_;
    begin = joins ? gaps_.back().begin : end_;
    if (wanted > capacity_ - begin) return nullptr;
    grow(begin + wanted);
    if (joins) gaps_.pop_back();
    end_ = begin + wanted;
  }
  high_ = std::max(high_, begin + wanted);
  allow(base_ + begin, bytes);
  return base_ + begin;
}

void Arena::grow(std::size_t end) {
  if (end <= writable_) return;
  const std::size_t to = std::min(up(end, kHugePage), capacity_);
  require(::mprotect(base_ + writable_, to - writable_, PROT_READ | PROT_WRITE) == 0,
          "out of memory: could not allocate {} bytes", to - writable_);
  // Only advice: without huge pages it is merely slower.
  if (huge_) static_cast<void>(::madvise(base_ + writable_, to - writable_, MADV_HUGEPAGE));
  forbid(base_ + writable_, to - writable_);
  writable_ = to;
}

void Arena::give_back(void* block, std::size_t bytes) {
  Gap gap{static_cast<std::size_t>(static_cast<std::byte*>(block) - base_), held(bytes)};
  forbid(block, gap.bytes);
  auto next = std::ranges::upper_bound(gaps_, gap.begin, {}, &Gap::begin);
  if (next != gaps_.end() && gap.end() == next->begin) {
    gap.bytes += next->bytes;
    next = gaps_.erase(next);
  }
  if (next != gaps_.begin() && std::prev(next)->end() == gap.begin)
    std::prev(next)->bytes += gap.bytes;
  else
    gaps_.insert(next, gap);
}

void Arena::trim() {
  const std::size_t used = !gaps_.empty() && gaps_.back().end() == end_ ? gaps_.back().begin : end_;
  const std::size_t keep = std::max(high_, used);
  high_ = used;
  if (keep == end_) return;
  gaps_.back().bytes -= end_ - keep;
  if (gaps_.back().bytes == 0) gaps_.pop_back();
  end_ = keep;
  const std::size_t from = up(keep, huge_ ? kHugePage : std::size_t{4096});
  if (from < writable_) static_cast<void>(::madvise(base_ + from, writable_ - from, MADV_DONTNEED));
}

}  // namespace san::native
