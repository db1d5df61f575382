#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace san {

/// Whether the weight of that name is meant.
using WeightRule = std::function<bool(std::string_view name)>;

struct NativeOptions {
  int threads = 0;                             ///< 0: one per processor available to the process
  std::shared_ptr<ThreadPool> pool = nullptr;  ///< threads to share; null: `threads` of its own
  WeightRule int8 = nullptr;                   ///< asked for each linear layer [out, in]; null: none
  WeightRule bf16 = nullptr;                   ///< likewise, in bfloat16
  bool exact_attention = false;                ///< attention stays float32 with either rule
};

/// CPU inference by fused SIMD kernels chosen for the machine at run time, in float32 but for the linear
/// layers that `int8` names: those have signed bytes with a scale per output as weights, and quantise every
/// row of their input as they get it, to 256 steps between its least and its greatest value; those that
/// `bf16` names round both to bfloat16 and add up in float32. With `bf16` attention rounds what it multiplies
/// to bfloat16 too; with `int8` also by matrix registers (AMX), to bytes by VNNI, or to integers of 12 to 16
/// bits in heads that bytes would change too much, and not at all elsewhere; in no case where it is causal.
/// Weights are packed once and shared by forks; each fork has its own workspace. Weights that are float16
/// stay so where instructions convert them, until they are multiplied.
std::unique_ptr<Backend> make_native_backend(const NativeOptions& options = {});

/// The instruction set that the kernels choose on this processor, such as "AVX2".
const char* native_instruction_set();

/// How it multiplies bytes: "AMX", "VNNI", "sdot", "int16 pairs" or "plain code".
const char* native_int8_form();
/// Whether linear layers are faster in int8 than in float32 here.
bool native_int8_is_faster();
/// Whether this processor multiplies bfloat16 (AMX, AVX-512 BF16); elsewhere that is slower than float32.
bool native_multiplies_bf16();

}  // namespace san
