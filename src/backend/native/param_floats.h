#pragma once
#include <cstddef>
#include <memory>

#include "backend/native/buffer.h"
#include "backend/types.h"
#include "base/thread_pool.h"

namespace san::native {

/// Where the values of a parameter's selected rows begin, in its own type.
const std::byte* selected_rows(const Param& param);

/// The float32 values of a parameter's selected rows, with what holds them: the parameter's own memory where
/// they are float32 there, else memory of the pool.
struct ParamFloats {
  const float* values = nullptr;
  std::shared_ptr<const void> owner;
};
ParamFloats param_floats(const Param& param, BufferPool& buffers, ThreadPool& pool);

}  // namespace san::native
