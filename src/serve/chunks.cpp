#include "serve/chunks.h"

#include <algorithm>

namespace san::serve {
namespace {

constexpr int kMostDigits = 8, kLongestExtension = 256;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool ChunkWatch::pass(char c) {
  switch (state_) {
    case State::kSize:
      if (const int digit = digit_of(c); digit >= 0) {
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return ++digits_ <= kMostDigits;
      }
      state_ = c == '\r' ? State::kSizeEnd : State::kExtension;
      return digits_ > 0 && (c == '\r' || c == ';');
    case State::kExtension:
      if (c == '\r') state_ = State::kSizeEnd;
      return c != '\n' && ++extension_ <= kLongestExtension;
    case State::kSizeEnd:
      state_ = left_ > 0 ? State::kData : State::kLast;
      digits_ = extension_ = 0;
      return c == '\n';
    case State::kDataEnd:
      state_ = State::kDataEnd2;
      return c == '\r';
    case State::kDataEnd2:
      state_ = State::kSize;
      return c == '\n';
    case State::kLast:
      state_ = State::kLast2;
      return c == '\r';
    case State::kLast2:
      state_ = State::kDone;
      return c == '\n';
    case State::kData:
    case State::kDone:
      break;
  }
  return false;
}

bool ChunkWatch::pass(std::string_view bytes) {
  while (!bytes.empty()) {
    if (state_ == State::kData) {
      const std::size_t n = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= n;
      bytes.remove_prefix(n);
      if (left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    if (!pass(bytes.front())) return false;
    bytes.remove_prefix(1);
  }
  return true;
}

}  // namespace san::serve
