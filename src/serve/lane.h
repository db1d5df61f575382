#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace san::serve {

/// A bounded queue before a few workers. Callers wait for their own work and leave when nobody wants it.
class Lane {
 public:
  /// `worker`: which of the workers runs it, for a workspace of its own. `cancelled` is set when the caller
  /// gave up; work that looks at it ends early by throwing.
  using Work = std::function<void(int worker, const std::atomic<bool>& cancelled)>;
  struct Caller {
    std::function<bool()> gone;                      ///< asked some fifty times a second; null: never
    std::chrono::steady_clock::time_point deadline;  ///< then the work is given up
  };
  struct State {
    std::size_t waiting = 0, running = 0;
    double mean_seconds = 0;  ///< of recent work
  };

  Lane(int workers, std::size_t most_waiting);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Returns when the work is done; what it throws is thrown here. Throws Refusal 503 with a time to wait
  /// when the queue is full, when the lane stops, and at the deadline; Cancelled when the caller is gone.
  /// Returns the seconds that the work waited.
  double run(const Work& work, const Caller& caller);
  /// Refuses what comes and what waits, and lets what runs end.
  void stop();
  /// Asks what runs to end, too.
  void cancel_all();
  State state() const;

 private:
  struct Job;
  void work(int worker);
  int wait_s() const;

  const std::size_t most_waiting_;
  const int workers_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::deque<Job*> waiting_;
  std::vector<Job*> running_;
  bool stopping_ = false;
  double mean_seconds_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace san::serve
