#pragma once
#include <cstdint>
#include <string_view>

namespace san::serve {

/// Follows a body in chunks (RFC 9112, 7.1) as it passes by, more strictly than those who decode it: lengths
/// of at most eight digits, line ends of both characters, no trailers.
class ChunkWatch {
 public:
  /// Whether the body may go on so. Nothing may follow its end.
  bool pass(std::string_view bytes);
  bool complete() const { return state_ == State::kDone; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataEnd,
    kDataEnd2,
    kLast,
    kLast2,
    kDone
  };
  bool pass(char c);

  State state_ = State::kSize;
  std::uint64_t left_ = 0;
  int digits_ = 0, extension_ = 0;
};

}  // namespace san::serve
