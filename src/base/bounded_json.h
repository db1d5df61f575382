#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace san {

/// What a JSON document from a stranger may hold. Depth matters because json is walked and printed
/// recursively.
struct JsonLimits {
  int depth = 32;
  std::size_t values = 1'000'000;  ///< keys included
};

namespace detail {

/// Follows a document's events and stops it at the limits. json::parse's own callback would do, but looks
/// through what it has so far after every object: a long list of small ones would take quadratic time.
class JsonCounter final : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonCounter(const std::string& where, const JsonLimits& limits) : where_(where), limits_(limits) {}

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool key(string_t&) override { return count(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::json::exception&) override {
    fail("{}: not valid JSON at byte {}", where_, byte);
  }

 private:
  bool count() {
    require(++values_ <= limits_.values, "{}: JSON of more than {} values", where_, limits_.values);
    return true;
  }
  bool open() {
    require(++depth_ <= limits_.depth, "{}: JSON nested more than {} deep", where_, limits_.depth);
    return count();
  }
  bool close() {
    --depth_;
    return true;
  }

  const std::string& where_;
  const JsonLimits& limits_;
  std::size_t values_ = 0;
  int depth_ = 0;
};

}  // namespace detail

/// Parses a document; throws Error that begins with `where` on damage (with the byte) and beyond the limits,
/// before anything is built.
inline nlohmann::json parse_bounded_json(std::string_view text, const std::string& where,
                                         const JsonLimits& limits = {}) {
  detail::JsonCounter counter(where, limits);
  nlohmann::json::sax_parse(text, &counter);
  return nlohmann::json::parse(text);
}

/// What is wrong with a document, without the library's number of the kind of fault.
inline std::string_view json_reason(const nlohmann::json::exception& fault) {
  const std::string_view text = fault.what();
  const std::size_t end = text.starts_with('[') ? text.find("] ") : std::string_view::npos;
  return end == std::string_view::npos ? text : text.substr(end + 2);
}

/// A whole number in [low, high]; throws Error that begins with `where`. (json's own conversion cuts numbers
/// to fit.)
inline std::int64_t json_integer(const nlohmann::json& value, std::int64_t low, std::int64_t high,
                                 const std::string& where) {
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                        : value.is_number_integer() && value.get<std::int64_t>() <= high;
  require(fits && value.get<std::int64_t>() >= low, "{}: expected a whole number from {} to {}, got {}",
          where, low, high, value.is_number() ? value.dump() : value.type_name());
  return value.get<std::int64_t>();
}

}  // namespace san
