#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace san {

/// Makes batches ahead of their use on worker threads. Batches are begun one after another, their slots
/// filled in any order by any thread, and handed out in the order they were begun: the result does not depend
/// on the threads.
template <class Batch>
class Loader {
 public:
  struct Source {
    std::function<std::unique_ptr<Batch>()> begin;  ///< the next batch, empty; called by one thread at a time
    std::function<void(Batch& batch, int slot)> fill;  ///< called by several
    int slots = 1;                                     ///< of a batch
    int grain = 1;                                     ///< slots a thread takes at once
  };

  Loader(Source source, int threads, int batches_ahead)
      : source_(std::move(source)), ahead_(static_cast<std::size_t>(std::max(1, batches_ahead))) {
    for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { work(); });
  }
  ~Loader() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& t : threads_) t.join();
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Waits for the next batch. Rethrows what a worker threw.
  std::unique_ptr<Batch> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || (!queue_.empty() && queue_.front()->unfinished == 0); });
    if (error_) std::rethrow_exception(error_);
    std::unique_ptr<Batch> batch = std::move(queue_.front()->batch);
    queue_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  struct Entry {
    std::unique_ptr<Batch> batch;
    int taken = 0, unfinished = 0;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (!stop_ && !error_) {
      Entry* entry = nullptr;
      for (const auto& e : queue_)
        if (e->taken < source_.slots) {
          entry = e.get();
          break;
        }
      if (!entry && queue_.size() < ahead_) {
        try {
          queue_.push_back(std::make_unique<Entry>(Entry{source_.begin(), 0, source_.slots}));
        } catch (...) {
          error_ = std::current_exception();
          changed_.notify_all();
        }
        continue;
      }
      if (!entry) {
        changed_.wait(lock);
        continue;
      }
      const int begin = entry->taken, end = std::min(source_.slots, begin + source_.grain);
      entry->taken = end;
      lock.unlock();
      std::exception_ptr error;
      try {
        for (int slot = begin; slot < end; ++slot) source_.fill(*entry->batch, slot);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error && !error_) error_ = error;
      entry->unfinished -= end - begin;
      if (entry->unfinished == 0 || error_) changed_.notify_all();
    }
  }

  Source source_;
  std::size_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Entry>> queue_;
  std::exception_ptr error_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace san
