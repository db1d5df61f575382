#include <hwy/highway.h>

#include "backend/native/native_backend.h"

namespace san {

const char* native_instruction_set() {
  const std::int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);  // Highway gives better sets lower bits
}

}  // namespace san
