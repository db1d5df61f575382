#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace san::native {

/// One range of addresses from which blocks are cut; neighbours join again when they are given back, so that
/// what is held follows what is in use at a time, whatever the sizes are. The smallest gap that is wide
/// enough is taken, and behind them fresh memory up to what the range can hold. Not for several threads at
/// once.
class Arena {
 public:
  /// Reserves addresses, not memory, for at least `bytes`; more where the process may have them. `huge` asks
  /// for huge pages. Throws Error when there are no addresses.
  Arena(std::size_t bytes, bool huge);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Aligned to a cache line and uninitialised. Null: no room for it in this range. Throws Error when the
  /// system has no memory.
  void* take(std::size_t bytes);
  /// `bytes` as they were taken.
  void give_back(void* block, std::size_t bytes);
  /// Returns to the system what lies behind the blocks of all that was in use since the last call.
  void trim();
  /// What is held, in use or not.
  std::size_t bytes() const { return end_; }

 private:
  struct Gap {
    std::size_t begin = 0, bytes = 0;
    std::size_t end() const { return begin + bytes; }
  };
  void grow(std::size_t end);
  void* use(std::size_t begin, std::size_t bytes);

  bool huge_;
  std::byte* mapping_ = nullptr;
  std::size_t mapped_ = 0;
  std::byte* base_ = nullptr;  ///< within the mapping, at a huge page's beginning
  std::size_t capacity_ = 0;
  std::size_t writable_ = 0;
  std::size_t end_ = 0;    ///< of all blocks and gaps
  std::size_t high_ = 0;   ///< of what was in use since the last trim
  std::vector<Gap> gaps_;  ///< by their address, no two side by side
};

}  // namespace san::native
