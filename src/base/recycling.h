#pragma once
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <utility>
#include <vector>

/// Memory that is used again, so that work which repeats asks for none.
namespace san {

/// Small blocks, kept when they are given back. Any number of threads.
class BlockStore {
 public:
  void* take(std::size_t bytes, std::size_t alignment) {
    const std::lock_guard lock(mutex_);
    return blocks_.allocate(bytes, alignment);
  }
  void give_back(void* block, std::size_t bytes, std::size_t alignment) {
    const std::lock_guard lock(mutex_);
    blocks_.deallocate(block, bytes, alignment);
  }

 private:
  std::mutex mutex_;
  std::pmr::unsynchronized_pool_resource blocks_;
};

/// For std::allocate_shared: what it makes lies in blocks of a store, which lives as long as any of them.
template <class T>
struct RecyclingAllocator {
  using value_type = T;

  explicit RecyclingAllocator(std::shared_ptr<BlockStore> s) : store(std::move(s)) {}
  template <class U>
  RecyclingAllocator(const RecyclingAllocator<U>& other) : store(other.store) {}  // NOLINT: as allocators are

  T* allocate(std::size_t count) { return static_cast<T*>(store->take(count * sizeof(T), alignof(T))); }
  void deallocate(T* block, std::size_t count) { store->give_back(block, count * sizeof(T), alignof(T)); }
  template <class U>
  bool operator==(const RecyclingAllocator<U>& other) const {
    return store == other.store;
  }

  std::shared_ptr<BlockStore> store;
};

/// Objects that are shared for a while and then used again, as they were left, with the memory they hold;
/// let_go(), where T has it, drops what they should not keep meanwhile. Any thread may let go of one, also
/// after the recycler is gone.
template <class T>
class Recycler {
 public:
  /// One that nobody uses any more; null: there is none.
  std::unique_ptr<T> idle() {
    const std::lock_guard lock(shelf_->mutex);
    if (shelf_->idle.empty()) return nullptr;
    std::unique_ptr<T> object = std::move(shelf_->idle.back());
    shelf_->idle.pop_back();
    return object;
  }
  /// To share: comes back when the last owner lets go.
  std::shared_ptr<T> share(std::unique_ptr<T> object) {
    T* shared = object.release();  // from here on the deleter's
    return std::shared_ptr<T>(shared, GiveBack{shelf_}, RecyclingAllocator<T>(blocks_));
  }

 private:
  /// More wait only where somebody kept many at a time.
  static constexpr std::size_t kMostIdle = 8;
  struct Shelf {
    Shelf() { idle.reserve(kMostIdle); }
    std::mutex mutex;
    std::vector<std::unique_ptr<T>> idle;
  };
  struct GiveBack {
    std::shared_ptr<Shelf> shelf;
    void operator()(T* object) const {
      std::unique_ptr<T> own(object);
      if constexpr (requires { own->let_go(); }) own->let_go();
      const std::lock_guard lock(shelf->mutex);
      if (shelf->idle.size() < kMostIdle) shelf->idle.push_back(std::move(own));
    }
  };

  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
  std::shared_ptr<BlockStore> blocks_ = std::make_shared<BlockStore>();
};

}  // namespace san
