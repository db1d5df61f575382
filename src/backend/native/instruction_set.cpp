#include <hwy/highway.h>

#include "backend/native/bf16.h"
#include "backend/native/int8_gemm.h"
#include "backend/native/native_backend.h"

namespace san {

const char* native_instruction_set() {
  const std::int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  // NEON without AES is no set that this Highway detects, but is what the compiler takes for granted.
  if (usable == 0) return hwy::TargetName(HWY_STATIC_TARGET);
  return hwy::TargetName(usable & -usable);  // Highway gives better sets lower bits
}

const char* native_int8_form() {
  switch (native::int8_forms().front()) {
    case native::Int8Form::kAmx:
      return "AMX";
    case native::Int8Form::kQuads:
      return HWY_ARCH_ARM ? "sdot" : "VNNI";
    case native::Int8Form::kPairs:
      return "int16 pairs";
    case native::Int8Form::kPortableQuads:
    case native::Int8Form::kPlainTiles:
      return "plain code";
  }
  return "";
}

bool native_int8_is_faster() {
  return native::int8_is_faster();
}

bool native_multiplies_bf16() {
  return native::bf16_is_multiplied();
}

}  // namespace san
