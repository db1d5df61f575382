#pragma once
#include <cstdint>
#include <string_view>

namespace san {

/// How much a reader takes from a file: a constant of that reader, times $SAN_LIMITS, which the option
/// --limits sets; docs/limits.md has the table. "fixed" there: as the constants are, and no message speaks of
/// raising them, for programs that read what strangers send.
class ReaderLimit {
 public:
  /// Throws Error when $SAN_LIMITS is neither a whole number from 1 to kMostScale nor "fixed".
  explicit ReaderLimit(std::uint64_t most);

  static constexpr std::uint64_t kMostScale = 1000;
  static constexpr const char* kVariable = "SAN_LIMITS";
  static constexpr const char* kFixed = "fixed";

  std::uint64_t value() const { return value_; }

  /// Throws Error "WHERE: GOT UNITS, more than the LIMIT that are read; …" beyond the limit, saying how to
  /// raise it.
  void check(std::uint64_t got, std::string_view where, std::string_view units) const {
    if (got > value_) fail_beyond(got, where, units);
  }

 private:
  [[noreturn]] void fail_beyond(std::uint64_t got, std::string_view where, std::string_view units) const;

  std::uint64_t value_;
};

}  // namespace san
