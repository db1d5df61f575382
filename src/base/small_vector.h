#pragma once
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace san {

/// A list that asks for memory only beyond `kInside` elements. T must have a default.
template <class T, std::size_t kInside>
class SmallVector {
 public:
  void push_back(T value) {
    if (size_ < kInside) {
      inside_[size_++] = std::move(value);
      return;
    }
    if (size_ == kInside)
      outside_.assign(std::make_move_iterator(inside_.begin()), std::make_move_iterator(inside_.end()));
    outside_.push_back(std::move(value));
    ++size_;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return outside_.empty() ? inside_.data() : outside_.data(); }
  T* end() { return begin() + size_; }
  const T* begin() const { return outside_.empty() ? inside_.data() : outside_.data(); }
  const T* end() const { return begin() + size_; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }
  T& back() { return begin()[size_ - 1]; }
  const T& back() const { return begin()[size_ - 1]; }

 private:
  std::array<T, kInside> inside_{};
  std::vector<T> outside_;  ///< all of them, once they do not fit inside
  std::size_t size_ = 0;
};

}  // namespace san
