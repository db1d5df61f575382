#include "program/bank_argument.h"

#include <charconv>

#include "base/error.h"

namespace san {

BankArgument parse_bank_argument(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text};
  const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
  float weight = 0;
  const auto [stop, error] = std::from_chars(begin, end, weight);
  if (begin == end || error != std::errc{} || stop != end) return {text};
  require(weight >= 0 && weight <= 1000, "--bank {}: a weight of {}; expected 0 to 1000", text, weight);
  return {text.substr(0, colon), weight};
}

}  // namespace san
