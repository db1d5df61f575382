#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/recycling.h"

namespace san::native {

/// Cache-line aligned floats; returns to its pool, if any, when the last user lets go.
using BufferPtr = std::shared_ptr<float[]>;

/// Uninitialised, at least 64-byte aligned; large ones ask for huge pages. Throws Error when memory is short.
BufferPtr allocate_floats(std::int64_t count);

/// Keeps released buffers for the next op, so that a warm session allocates nothing.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  BufferPtr acquire(std::int64_t count);
  /// Bytes held, in use or not.
  std::int64_t bytes() const;
  /// For what stands beside the values: handles, shapes, strides.
  const std::shared_ptr<BlockStore>& small() const { return small_; }

 private:
  struct Idle {
    std::int64_t count = 0;
    BufferPtr memory;
    std::uint64_t released = 0;
  };
  BufferPtr handle(std::int64_t count, BufferPtr memory);
  void release(std::int64_t count, BufferPtr memory);
  void drop_stale();

  mutable std::mutex mutex_;
  std::vector<Idle> idle_;  ///< by their size
  std::shared_ptr<BlockStore> small_ = std::make_shared<BlockStore>();
  std::uint64_t clock_ = 0;
  std::int64_t bytes_ = 0;
};

/// Scratch of the calling thread, grown on demand and kept; `slot` tells apart uses that nest.
float* thread_scratch(std::int64_t count, int slot);

}  // namespace san::native
