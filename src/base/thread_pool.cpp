#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace san {
namespace {

/// About 50 µs: loops of one inference follow one another faster than a sleeping thread wakes.
constexpr int kSpins = 2000;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// The pool whose loop this thread is in.
thread_local const ThreadPool* t_inside = nullptr;

class Inside {
 public:
  explicit Inside(const ThreadPool* pool) : outer_(std::exchange(t_inside, pool)) {}
  ~Inside() { t_inside = outer_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  const ThreadPool* outer_;
};

template <class Done>
bool spin_until(int spins, const Done& done) {
  for (int i = 0; i < spins; ++i) {
    if (done()) return true;
    pause();
  }
  return done();
}

}  // namespace

int available_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

ThreadPool::ThreadPool(int threads) {
  const int processors = available_processors(), total = threads > 0 ? threads : processors;
  // Spinning only helps when every thread has a processor to itself.
  if (total <= processors) spins_ = kSpins;
  for (int i = 1; i < total; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1, std::memory_order_release);
  }
  start_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_chunks() {
  for (;;) {
    const std::int64_t begin = next_.fetch_add(grain_, std::memory_order_relaxed);
    if (begin >= count_) return;
    try {
      (*body_)(begin, std::min(count_, begin + grain_));
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      next_.store(count_, std::memory_order_relaxed);
    }
  }
}

void ThreadPool::work() {
  const Inside inside(this);
  std::uint64_t seen = 0;
  for (;;) {
    const auto started = [&] { return generation_.load(std::memory_order_acquire) != seen; };
    if (!spin_until(spins_, started)) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, started);
    }
    seen = generation_.load(std::memory_order_acquire);
    if (stop_) return;
    run_chunks();
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
    // Under the lock, or the caller could miss it between its last look and its sleep.
    std::lock_guard lock(mutex_);
    done_.notify_one();
  }
}

void ThreadPool::parallel_for(std::int64_t count, std::int64_t grain,
                              const std::function<void(std::int64_t, std::int64_t)>& body) {
  grain = std::max<std::int64_t>(1, grain);
  if (count <= 0) return;
  if (t_inside == this) return body(0, count);
  const std::lock_guard turn(turn_);
  const Inside inside(this);
  if (workers_.empty() || count <= grain) return body(0, count);
  {
    std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    grain_ = grain;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    error_ = nullptr;
    generation_.fetch_add(1, std::memory_order_release);
  }
  start_.notify_all();
  run_chunks();
  const auto finished = [&] { return busy_.load(std::memory_order_acquire) == 0; };
  if (!spin_until(spins_, finished)) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, finished);
  }
  if (error_) std::rethrow_exception(error_);
}

}  // namespace san
