#pragma once
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace san::video {

/// Hands things from one thread to another, at most `capacity` of them waiting. Any number of threads.
/// Allocates when it is made and never after.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : ring_(capacity) {}

  /// Waits for room. False when the queue is closed: the thing is not taken.
  bool push(T&& thing) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || waiting_ < ring_.size(); });
    return put(lock, std::move(thing));
  }

  /// Never waits: where there is no room, the oldest that waits is taken out and returned.
  std::optional<T> push_latest(T&& thing) {
    std::unique_lock lock(mutex_);
    std::optional<T> dropped;
    if (waiting_ == ring_.size()) dropped = take();
    put(lock, std::move(thing));
    return dropped;
  }

  /// Waits for a thing. Nothing when the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    things_.wait(lock, [&] { return closed_ || waiting_ > 0; });
    if (waiting_ == 0) return std::nullopt;
    std::optional<T> thing = take();
    lock.unlock();
    room_.notify_one();
    return thing;
  }

  /// Nothing more comes; what waits is still handed out.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    things_.notify_all();
    room_.notify_all();
  }

 private:
  bool put(std::unique_lock<std::mutex>& lock, T&& thing) {
    if (closed_) return false;
    ring_[(first_ + waiting_++) % ring_.size()] = std::move(thing);
    lock.unlock();
    things_.notify_one();
    return true;
  }
  T take() {
    T thing = std::move(ring_[first_]);
    first_ = (first_ + 1) % ring_.size();
    --waiting_;
    return thing;
  }

  std::mutex mutex_;
  std::condition_variable things_, room_;
  std::vector<T> ring_;
  std::size_t first_ = 0, waiting_ = 0;
  bool closed_ = false;
};

}  // namespace san::video
