#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "backend/native/arena.h"
#include "base/recycling.h"

namespace san::native {

/// Cache-line aligned floats; returns to its pool, if any, when the last user lets go.
using BufferPtr = std::shared_ptr<float[]>;

/// Uninitialised, at least 64-byte aligned; large ones ask for huge pages. Throws Error when memory is short.
BufferPtr allocate_floats(std::int64_t count);

/// Keeps the memory of released buffers for the next op, so that a warm session asks for none, and lets
/// buffers of other sizes have it. Any number of threads.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  /// Throws Error when memory is short.
  BufferPtr acquire(std::int64_t count);
  /// Bytes held, in use or not.
  std::int64_t bytes() const;
  /// For what stands beside the values: handles, shapes, strides.
  const std::shared_ptr<BlockStore>& small() const { return small_; }

 private:
  using Arenas = std::vector<std::unique_ptr<Arena>>;
  struct Release;
  void trim();

  mutable std::mutex mutex_;
  Arenas large_;
  Arenas short_;  ///< short ones, which would cut the gaps between large ones
  std::shared_ptr<BlockStore> small_ = std::make_shared<BlockStore>();
  std::uint64_t requests_ = 0;
};

/// Scratch of the calling thread, grown on demand and kept; `slot` tells apart uses that nest.
float* thread_scratch(std::int64_t count, int slot);

}  // namespace san::native
