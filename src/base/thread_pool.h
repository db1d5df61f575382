#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace san {

/// A budget of threads: splits index ranges over them. Any number of threads may run loops on one pool at the
/// same time; they share its threads, and never are more than size() of them inside loops.
class ThreadPool {
 public:
  /// `threads` ≥ 1 counts the caller; 0 means one per processor available to the process.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// A thread's claim to one of the pool's threads, also between its loops. While as many have a place as the
  /// pool has threads, workers stay out and each computes its loops alone, which takes less than waiting for
  /// one another at the end of every loop; where fewer have one, workers help them. Nobody waits for a place.
  class Place {
   public:
    /// Of a thread that has one in this pool already, a second one is none.
    explicit Place(ThreadPool& pool);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    ThreadPool& pool_;
    const ThreadPool* before_;  ///< whose place the thread had
  };

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end) over [0, count) in chunks of `grain`. Every thread begins with its own share of
  /// them, the same in every loop, and then takes what others have not begun. The caller takes part; it waits
  /// first while size() threads are in other callers' loops. Returns when all are done; the first exception
  /// is rethrown here. A loop started inside a body runs on that thread alone.
  template <class Body>
  void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
    run({count, grain, 1, 1, &body, &call_body<Body>});
  }

  /// The same in chunks of half of what is left of a share, but at most `most` indices and, unless a share
  /// has fewer, at least `least` (1 ≤ least ≤ most): where a whole chunk is long to wait for at the end.
  template <class Body>
  void parallel_for_tapering(std::int64_t count, std::int64_t most, std::int64_t least, const Body& body) {
    run({count, 1, most, least, &body, &call_body<Body>});
  }

 private:
  struct Range {
    std::int64_t count, unit;  ///< indices, and how many of them stay together
    std::int64_t most, least;  ///< units of a chunk
    const void* body;
    void (*call)(const void* body, std::int64_t begin, std::int64_t end);
  };
  struct Loop;

  template <class Body>
  static void call_body(const void* body, std::int64_t begin, std::int64_t end) {
    (*static_cast<const Body*>(body))(begin, end);
  }
  void run(Range range);
  void work(int thread);
  void run_chunks(Loop& loop, int thread);
  Loop* joinable() const;
  void enter(std::unique_lock<std::mutex>& lock);
  void leave();
  void leave_own();
  bool full() const;
  void welcome_worker();

  std::vector<std::thread> workers_;
  int spins_ = 0;
  std::mutex mutex_;
  std::condition_variable start_, done_, admit_;
  std::vector<Loop*> open_;                 ///< loops that may have chunks left
  int running_ = 0;                         ///< threads inside loops, at most size()
  int between_ = 0;                         ///< places whose threads are between two loops
  std::uint64_t arrived_ = 0, served_ = 0;  ///< callers that had to wait, in their order
  std::atomic<int> waiting_ = 0;            ///< of those, how many still do: helpers make room
  std::atomic<std::uint64_t> news_ = 0;     ///< changes when a worker may find something to do
  bool stop_ = false;
};

/// Processors this process may run on (affinity respected), at least 1.
int available_processors();

}  // namespace san
