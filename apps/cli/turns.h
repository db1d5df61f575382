#pragma once
#include <condition_variable>
#include <mutex>
#include <vector>

namespace san::cli {

/// A few things for more threads than there are of them: each has one for a while.
template <class T>
class Turns {
 public:
  void add(T thing) { idle_.push_back(std::move(thing)); }

  /// body(thing), as soon as one is free.
  template <class Body>
  auto use(const Body& body) {
    Turn turn(*this);
    return body(turn.thing);
  }

  /// Lets go of those that are free.
  void clear() {
    const std::lock_guard lock(mutex_);
    idle_.clear();
  }

 private:
  struct Turn {
    explicit Turn(Turns& from) : turns(from), thing(from.take()) {}
    ~Turn() { turns.give_back(std::move(thing)); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turns& turns;
    T thing;
  };
  T take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return !idle_.empty(); });
    T thing = std::move(idle_.back());
    idle_.pop_back();
    return thing;
  }
  void give_back(T thing) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(thing));
    free_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<T> idle_;
};

}  // namespace san::cli
