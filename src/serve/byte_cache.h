#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace san::serve {

/// What was used last, up to a number of bytes. Values are shared: whoever has one keeps it when it is let go
/// here. From any thread.
template <class Value>
class ByteCache {
 public:
  struct State {
    std::size_t bytes = 0, entries = 0;
    std::uint64_t hits = 0, misses = 0;
  };

  explicit ByteCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Null where it is not there.
  std::shared_ptr<const Value> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    ++(found == places_.end() ? misses_ : hits_);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->value;
  }

  /// Takes the place of what had that key. What is larger than the cache is not kept.
  void put(const std::string& key, std::shared_ptr<const Value> value, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (const auto found = places_.find(key); found != places_.end()) remove(found->second);
    if (bytes > most_bytes_) return;
    order_.push_front({key, std::move(value), bytes});
    places_[key] = order_.begin();
    bytes_ += bytes;
    while (bytes_ > most_bytes_) remove(std::prev(order_.end()));
  }

  State state() const {
    const std::lock_guard lock(mutex_);
    return {bytes_, order_.size(), hits_, misses_};
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    std::size_t bytes;
  };
  void remove(typename std::list<Entry>::iterator entry) {
    bytes_ -= entry->bytes;
    places_.erase(entry->key);
    order_.erase(entry);
  }

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> order_;  // the last used first
  std::map<std::string, typename std::list<Entry>::iterator> places_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace san::serve
