#include "count_allocations.h"

#include <cstdlib>
#include <new>

namespace san::testing {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

}  // namespace san::testing

// In a file of their own: a compiler that sees through them takes malloc and delete for a mismatch.
void* operator new(std::size_t size) {
  if (san::testing::counting) ++san::testing::allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
