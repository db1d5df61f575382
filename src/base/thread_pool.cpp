#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <array>

namespace san {
namespace {

/// About 50 µs: loops of one inference follow one another faster than a sleeping thread wakes.
constexpr int kSpins = 2000;
/// The number of whoever called; workers have those after it.
constexpr int kCaller = 0;

/// The pool whose loop the thread is in.
thread_local const ThreadPool* inside = nullptr;
/// The pool in which the thread has a place.
thread_local const ThreadPool* placed = nullptr;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");  // `yield` takes no time on most of them
#endif
}

template <class Done>
bool spin_until(int spins, const Done& done) {
  for (int i = 0; i < spins; ++i) {
    if (done()) return true;
    pause();
  }
  return done();
}

/// Units [begin, end) of a loop; none: end ≤ begin.
struct Chunk {
  std::int64_t begin = 0, end = 0;
};

/// One thread's own part of a loop: units [begin, end), halves of one word.
class alignas(64) Slice {
 public:
  void set(std::int64_t begin, std::int64_t end) {
    left_.store(word(static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end)),
                std::memory_order_relaxed);
  }
  std::int64_t left() const {
    const std::uint64_t w = left_.load(std::memory_order_relaxed);
    return static_cast<std::int64_t>(end(w)) - static_cast<std::int64_t>(begin(w));
  }
  /// Half of what is left, at most `most` units and no fewer than `least`, from its begin or its end.
  Chunk take(bool last, std::int64_t least, std::int64_t most) {
    std::uint64_t w = left_.load(std::memory_order_relaxed);
    while (begin(w) < end(w)) {
      const auto all = static_cast<std::int64_t>(end(w) - begin(w));
      const auto n = static_cast<std::uint64_t>(std::min(most, all < 2 * least ? all : all / 2));
      const std::uint64_t from = last ? end(w) - n : begin(w);
      const std::uint64_t rest = last ? word(begin(w), from) : word(from + n, end(w));
      if (left_.compare_exchange_weak(w, rest, std::memory_order_relaxed))
        return {static_cast<std::int64_t>(from), static_cast<std::int64_t>(from + n)};
    }
    return {};
  }

 private:
  static std::uint64_t word(std::uint64_t begin, std::uint64_t end) { return end << 32 | begin; }
  static std::uint64_t begin(std::uint64_t word) { return word & 0xffffffff; }
  static std::uint64_t end(std::uint64_t word) { return word >> 32; }

  std::atomic<std::uint64_t> left_ = 0;
};

}  // namespace

/// Every thread begins with a slice of its own, the same share of every loop: what one loop leaves in a
/// core's caches the next finds there. Whoever is done takes from the end of what others have left.
struct ThreadPool::Loop {
  static constexpr std::int64_t kMostSlices = 16, kMostUnits = std::int64_t{1} << 31;

  Loop(const Range& r, int threads) : range(r) {
    range.unit = std::max(range.unit, (range.count + kMostUnits - 1) / kMostUnits);
    const std::int64_t units = (range.count + range.unit - 1) / range.unit;
    count = std::min<std::int64_t>({threads, (units + range.most - 1) / range.most, kMostSlices});
    // Nobody waits for a thread that is alone.
    if (count == 1) range.least = range.most;
    for (std::int64_t i = 0; i < count; ++i)
      slices[static_cast<std::size_t>(i)].set(i * units / count, (i + 1) * units / count);
  }

  bool exhausted() const {
    return std::all_of(slices.begin(), slices.begin() + count, [](const Slice& s) { return s.left() <= 0; });
  }
  /// For the thread of that number.
  Chunk take(int thread) {
    const auto from = [&](Slice& slice, bool last) { return slice.take(last, range.least, range.most); };
    Chunk chunk = from(slices[static_cast<std::size_t>(thread % count)], false);
    while (chunk.begin == chunk.end) {
      Slice* most = std::max_element(slices.begin(), slices.begin() + count,
                                     [](const Slice& a, const Slice& b) { return a.left() < b.left(); });
      if (most->left() <= 0) break;
      chunk = from(*most, true);
    }
    return chunk;
  }
  void stop() {
    std::for_each(slices.begin(), slices.begin() + count, [](Slice& s) { s.set(0, 0); });
  }

  std::array<Slice, kMostSlices> slices;
  std::int64_t count = 1;    ///< slices in use
  std::exception_ptr error;  ///< the first; under the pool's lock
  Range range;
  std::atomic<int> helpers = 0;  ///< workers inside; changes under the pool's lock
};

int available_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

ThreadPool::ThreadPool(int threads) {
  const int processors = available_processors(), total = threads > 0 ? threads : processors;
  // Spinning only helps when every thread has a processor to itself.
  if (total <= processors) spins_ = kSpins;
  open_.reserve(16);
  workers_.reserve(static_cast<std::size_t>(total - 1));
  // The first workers ask for size() while the last are made: they wait for the lock.
  const std::lock_guard lock(mutex_);
  for (int i = 1; i < total; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    news_.fetch_add(1, std::memory_order_release);
  }
  start_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_chunks(Loop& loop, int thread) {
  const Range& r = loop.range;
  inside = this;
  // A helper gives its place to a caller that waits to begin.
  while (thread == kCaller || waiting_.load(std::memory_order_relaxed) == 0) {
    const Chunk chunk = loop.take(thread);
    if (chunk.begin == chunk.end) break;
    try {
      r.call(r.body, chunk.begin * r.unit, std::min(r.count, chunk.end * r.unit));
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!loop.error) loop.error = std::current_exception();
      loop.stop();
    }
  }
  inside = nullptr;
}

ThreadPool::Place::Place(ThreadPool& pool) : pool_(pool), before_(placed) {
  if (before_ == &pool) return;
  placed = &pool;
  const std::lock_guard lock(pool.mutex_);
  ++pool.between_;
}

ThreadPool::Place::~Place() {
  if (before_ == &pool_) return;
  placed = before_;
  const std::lock_guard lock(pool_.mutex_);
  --pool_.between_;
  pool_.welcome_worker();
}

// No thread is left for a worker.
bool ThreadPool::full() const {
  return running_ + between_ >= size();
}

// A worker may find room in a loop of somebody else's.
void ThreadPool::welcome_worker() {
  if (open_.empty()) return;
  news_.fetch_add(1, std::memory_order_release);
  start_.notify_one();
}

// The open loop with the fewest helpers, if one more thread may run.
ThreadPool::Loop* ThreadPool::joinable() const {
  if (full() || waiting_.load(std::memory_order_relaxed) > 0) return nullptr;
  Loop* best = nullptr;
  for (Loop* loop : open_)
    if (!loop->exhausted() && (!best || loop->helpers < best->helpers)) best = loop;
  return best;
}

void ThreadPool::work(int thread) {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (Loop* loop = joinable()) {
      ++running_;
      ++loop->helpers;
      lock.unlock();
      run_chunks(*loop, thread);
      lock.lock();
      leave();
      // The last touch: the loop's owner may be gone from here on.
      if (loop->helpers.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.notify_all();
      continue;
    }
    const std::uint64_t seen = news_.load(std::memory_order_relaxed);
    const auto changed = [&] { return news_.load(std::memory_order_acquire) != seen; };
    lock.unlock();
    const bool found = spin_until(spins_, changed);
    lock.lock();
    if (!found) start_.wait(lock, changed);
  }
}

// First come, first served.
void ThreadPool::enter(std::unique_lock<std::mutex>& lock) {
  if (running_ >= size() || served_ != arrived_) {
    const std::uint64_t place = arrived_++;
    waiting_.fetch_add(1, std::memory_order_relaxed);
    admit_.wait(lock, [&] { return place == served_ && running_ < size(); });
    ++served_;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    admit_.notify_all();
  }
  ++running_;
  if (placed == this) --between_;
}

void ThreadPool::leave_own() {
  if (placed == this) ++between_;
  leave();
}

void ThreadPool::leave() {
  --running_;
  if (served_ != arrived_) admit_.notify_all();
}

void ThreadPool::run(Range range) {
  range.unit = std::max<std::int64_t>(1, range.unit);
  if (range.count <= 0) return;
  if (range.count <= range.unit || inside == this) return range.call(range.body, 0, range.count);
  Loop loop(range, size());
  bool open = false;
  {
    std::unique_lock lock(mutex_);
    enter(lock);
    open = !full();
    if (open) {
      open_.push_back(&loop);
      news_.fetch_add(1, std::memory_order_release);
    }
  }
  if (open) start_.notify_all();
  run_chunks(loop, kCaller);
  std::unique_lock lock(mutex_);
  std::erase(open_, &loop);
  leave_own();
  if (!full()) welcome_worker();
  const auto finished = [&] { return loop.helpers.load(std::memory_order_acquire) == 0; };
  if (!finished()) {
    lock.unlock();
    const bool done = spin_until(spins_, finished);
    lock.lock();
    if (!done) done_.wait(lock, finished);
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace san
