#include "support/count_allocations.h"

#include <cerrno>
#include <cstdlib>
#include <new>

namespace san::testing {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0}, aligned_allocations{0};

}  // namespace san::testing

namespace {

void* counted(void* memory) {
  if (san::testing::counting) ++san::testing::allocations;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// In a file of their own: a compiler that sees through them takes malloc and delete for a mismatch.
void* operator new(std::size_t size) {
  return counted(std::malloc(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(a, (size + a - 1) / a * a));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// What kernels ask for aligned; sanitizers have one of their own.
extern "C" int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  if (san::testing::counting) ++san::testing::aligned_allocations;
  *memory = std::aligned_alloc(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
#endif
