#include <hwy/highway.h>

#include "backend/native/native_backend.h"

namespace san {

const char* native_instruction_set() {
  const std::int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  // NEON without AES is no set that this Highway detects, but is what the compiler takes for granted.
  if (usable == 0) return hwy::TargetName(HWY_STATIC_TARGET);
  return hwy::TargetName(usable & -usable);  // Highway gives better sets lower bits
}

}  // namespace san
