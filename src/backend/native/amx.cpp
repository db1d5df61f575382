#include "backend/native/amx.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace san::native {

#if defined(__x86_64__) && defined(__linux__)
namespace {

bool processor_has_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kXsaveInUse = 1u << 27, kBf16 = 1u << 22, kTiles = 1u << 24, kInt8 = 1u << 25;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kXsaveInUse)) return false;
  constexpr unsigned kAll = kBf16 | kTiles | kInt8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kAll) != kAll) return false;
  constexpr unsigned kTileState = 3u << 17;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileState) == kTileState;
}

bool system_agrees() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool amx_is_usable() {
  static const bool usable = processor_has_amx() && system_agrees();
  return usable;
}
#else
bool amx_is_usable() {
  return false;
}
#endif

}  // namespace san::native
