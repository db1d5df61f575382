#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace san {

/// Reads numbers at any offset of a file; the first one beyond the end throws.
class HeaderBytes {
 public:
  HeaderBytes(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  std::size_t size() const { return bytes_.size(); }
  std::uint8_t byte(std::size_t at) const {
    require(at < bytes_.size(), "{}: the image file is truncated", name_);
    return std::to_integer<std::uint8_t>(bytes_[at]);
  }
  std::uint32_t big(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | byte(at + i);
    return value;
  }
  std::uint32_t little(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8 | byte(at + i);
    return value;
  }
  bool has(std::size_t at, std::string_view text) const {
    return at + text.size() <= bytes_.size() &&
           std::memcmp(bytes_.data() + at, text.data(), text.size()) == 0;
  }
  /// The next position of an 0xFF byte.
  std::size_t find_ff(std::size_t from) const {
    const auto found = std::find(bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(from, size())),
                                 bytes_.end(), std::byte{0xff});
    return static_cast<std::size_t>(found - bytes_.begin());
  }
  const std::string& name() const { return name_; }

 private:
  std::span<const std::byte> bytes_;
  const std::string& name_;
};

}  // namespace san
