#pragma once
#include <spdlog/fmt/fmt.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace san {

/// Extents of a tensor, outermost first; at most six, none negative.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  /// Throws Error on more than kMaxRank extents, a negative one, or an element count beyond 2^62.
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Extent of `axis`; negative axes count from the back. Throws Error out of range.
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(checked(axis))]; }
  void set(int axis, std::int64_t extent) { extents_[static_cast<std::size_t>(checked(axis))] = extent; }
  std::int64_t elements() const;
  /// Product of the extents in [begin, end).
  std::int64_t elements(int begin, int end) const;
  /// Axis counted from the front.
  int checked(int axis) const {
    const int from_front = axis < 0 ? axis + rank_ : axis;
    if (from_front < 0 || from_front >= rank_) [[unlikely]]
      fail_axis(axis);
    return from_front;
  }

  std::span<const std::int64_t> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  auto begin() const { return extents_.begin(); }
  auto end() const { return extents_.begin() + rank_; }
  std::string str() const;  ///< "[1, 100, 256]"

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.extents_ == b.extents_;
  }

 private:
  [[noreturn, gnu::cold]] void fail_axis(int axis) const;

  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace san

/// As str(), made only where a message is.
template <>
struct fmt::formatter<san::Shape> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  format_context::iterator format(const san::Shape& shape, format_context& context) const;
};
