#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace san {

/// Splits index ranges over a fixed set of threads; the caller's thread takes part. Any number of threads may
/// call: their loops take turns, so no more than size() threads compute at a time. A loop inside a loop's
/// body runs in its thread alone.
class ThreadPool {
 public:
  /// `threads` ≥ 1 counts the caller; 0 means one per processor available to the process.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end) over [0, count) in chunks of at least `grain`, handed out dynamically.
  /// Returns when all are done; the first exception is rethrown here.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    const std::function<void(std::int64_t, std::int64_t)>& body);

 private:
  void work();
  void run_chunks();

  std::vector<std::thread> workers_;
  int spins_ = 0;
  std::mutex turn_;  ///< held by the caller whose loop runs
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(std::int64_t, std::int64_t)>* body_ = nullptr;
  std::int64_t count_ = 0, grain_ = 1;
  std::atomic<std::int64_t> next_ = 0;
  std::atomic<int> busy_ = 0;
  std::atomic<std::uint64_t> generation_ = 0;  ///< changes when a loop starts or the pool ends
  std::exception_ptr error_;
  bool stop_ = false;
};

/// Processors this process may run on (affinity respected), at least 1.
int available_processors();

}  // namespace san
