#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace san {

/// Whether the weight of that name is computed with in int8.
using Int8Rule = std::function<bool(std::string_view name)>;

struct NativeOptions {
  int threads = 0;                             ///< 0: one per processor available to the process
  std::shared_ptr<ThreadPool> pool = nullptr;  ///< threads to share; null: `threads` of its own
  Int8Rule int8 = nullptr;                     ///< asked for each linear layer [out, in]; null: none
};

/// CPU inference by fused SIMD kernels chosen for the machine at run time, in float32 but for the linear
/// layers that `int8` names: those have signed bytes with a scale per output as weights, and quantise every
/// row of their input as they get it, to 256 steps between its least and its greatest value. Weights are
/// packed once and shared by forks; each fork has its own workspace.
std::unique_ptr<Backend> make_native_backend(const NativeOptions& options = {});

/// The instruction set that the kernels choose on this processor, such as "AVX2".
const char* native_instruction_set();

/// How it multiplies bytes: "VNNI", "sdot", "int16 pairs" or "plain code".
const char* native_int8_form();
/// Whether linear layers are faster in int8 than in float32 here.
bool native_int8_is_faster();

}  // namespace san
