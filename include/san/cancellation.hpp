#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

namespace san {

/// How long work is watched and ended; part of the options of everything that takes long. Both are used by
/// the thread that called, until the call returns.
struct Watch {
  /// Any thread (or a signal handler) sets it; the call then throws Cancelled, of the network within the next
  /// operation of a block. Null: never.
  const std::atomic<bool>* cancelled = nullptr;
  /// Called now and then with what is done and what there is to do: prompts of a vocabulary, pictures of a
  /// batch. What it throws ends the work and reaches the caller.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

}  // namespace san
