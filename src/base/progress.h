#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace san {

/// Progress of long work on standard error: one redrawn bar with rate and ETA on a terminal, elsewhere a
/// plain line every few seconds. Thread-compatible: call from one thread.
class Progress {
 public:
  enum class Unit { kSteps, kBytes };
  /// `total` ≤ 0: unknown. A quiet Progress prints nothing. `before`: what an earlier run has done of it,
  /// which counts for how far, not for how fast. Bytes are shown in MB.
  Progress(std::string what, std::int64_t total, bool quiet = false, Unit unit = Unit::kSteps,
           std::int64_t before = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::int64_t steps = 1, std::string_view note = {});
  std::int64_t done() const { return done_; }
  std::int64_t total() const { return total_; }
  /// Ends the bar with its final state; called by the destructor too.
  void finish();

 private:
  void draw(bool last);
  std::string what_, note_;
  Unit unit_;
  std::int64_t total_, before_, done_;
  bool quiet_, terminal_, finished_ = false;
  std::chrono::steady_clock::time_point start_, drawn_{};
};

}  // namespace san
