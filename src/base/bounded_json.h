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

/// Parses a document; throws Error that begins with `where` on damage (with the byte) and beyond the limits,
/// as soon as they are passed.
inline nlohmann::json parse_bounded_json(std::string_view text, const std::string& where,
                                         const JsonLimits& limits = {}) {
  using nlohmann::json;
  std::size_t values = 0;
  try {
    return json::parse(text, [&](int depth, json::parse_event_t event, const json&) {
      require(depth <= limits.depth, "{}: JSON nested more than {} deep", where, limits.depth);
      const bool adds = event != json::parse_event_t::object_end && event != json::parse_event_t::array_end;
      require(!adds || ++values <= limits.values, "{}: JSON of more than {} values", where, limits.values);
      return true;
    });
  } catch (const json::parse_error& e) {
    fail("{}: not valid JSON at byte {}", where, e.byte);
  }
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
