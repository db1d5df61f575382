#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace san {

/// Reads little-endian values one after another, never past the end: that throws Error naming `where`.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  void seek(std::uint64_t position) {
    require(position <= bytes_.size(), "{}: refers to byte {} of {}; is it cut off?", where_, position,
            bytes_.size());
    position_ = static_cast<std::size_t>(position);
  }

  std::span<const std::byte> take(std::uint64_t count) {
    require(count <= remaining(), "{}: needs {} bytes at {}, but only {} are left; is it cut off?", where_,
            count, position_, remaining());
    const auto out = bytes_.subspan(position_, static_cast<std::size_t>(count));
    position_ += out.size();
    return out;
  }

  std::string_view take_text(std::uint64_t count) {
    const auto text = take(count);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  template <class T>
  requires std::is_arithmetic_v<T> T take() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  /// Text up to the next line feed, which is consumed and left out.
  std::string_view take_line() {
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
    const void* end = remaining() ? std::memchr(begin, '\n', remaining()) : nullptr;
    require(end != nullptr, "{}: a line at byte {} does not end; is it cut off?", where_, position_);
    const std::string_view line(begin, static_cast<std::size_t>(static_cast<const char*>(end) - begin));
    position_ += line.size() + 1;
    return line;
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::size_t position_ = 0;
};

}  // namespace san
