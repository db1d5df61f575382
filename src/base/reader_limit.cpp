#include "base/reader_limit.h"

#include <charconv>
#include <cstdlib>
#include <limits>

#include "base/error.h"

namespace san {
namespace {

std::string_view setting() {
  const char* const value = std::getenv(ReaderLimit::kVariable);
  return value == nullptr ? std::string_view{} : value;
}

std::uint64_t scale() {
  const std::string_view text = setting();
  if (text.empty() || text == ReaderLimit::kFixed) return 1;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc() && end == text.data() + text.size() && value >= 1 &&
              value <= ReaderLimit::kMostScale,
          "{}: '{}'; expected a whole number from 1 to {}, by which limits of readers are multiplied",
          ReaderLimit::kVariable, text, ReaderLimit::kMostScale);
  return value;
}

}  // namespace

ReaderLimit::ReaderLimit(std::uint64_t most) {
  if (__builtin_mul_overflow(most, scale(), &value_)) value_ = std::numeric_limits<std::uint64_t>::max();
}

void ReaderLimit::fail_beyond(std::uint64_t got, std::string_view where, std::string_view units) const {
  fail("{}: {} {}, more than the {} that are read{}", where, got, units, value_,
       setting() == kFixed
           ? ""
           : "; for a file that you trust --limits N (or SAN_LIMITS=N) multiplies this limit");
}

}  // namespace san
