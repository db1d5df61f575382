#include "base/base64.h"

#include <cstdint>

#include "base/error.h"

namespace san {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= n ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string base64_decode(std::string_view text) {
  require(text.size() % 4 == 0, "base64: {} characters are no multiple of 4", text.size());
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t n = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto digit = kAlphabet.find(text[i + k]);
      const bool padding =
          text[i + k] == '=' && k >= 2 && i + 4 == text.size() && (k == 3 || text[i + 3] == '=');
      require(digit != std::string_view::npos || padding, "base64: unexpected character at {}", i + k);
      group = group << 6 | (padding ? 0u : static_cast<std::uint32_t>(digit));
      n += !padding;
    }
    for (std::size_t k = 0; k + 1 < n; ++k) out += static_cast<char>(group >> (16 - 8 * k) & 255);
  }
  return out;
}

}  // namespace san
