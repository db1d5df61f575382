#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/reader_limit.h"

namespace san {

/// What a JSON document from a stranger may hold.
struct JsonLimits {
  int depth = 32;                  ///< nothing raises it: json is walked and printed recursively
  std::size_t values = 1'000'000;  ///< keys included; a ReaderLimit
};

/// Follows a document's events before anything is built of it, so that what goes too far is stopped: whoever
/// derives throws. json::parse's own callback would do, but looks through what it has so far after every
/// object: a long list of small ones would take quadratic time.
class JsonGuard : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() final { return on_value(); }
  bool boolean(bool) final { return on_value(); }
  bool number_integer(number_integer_t) final { return on_value(); }
  bool number_unsigned(number_unsigned_t) final { return on_value(); }
  bool number_float(number_float_t, const string_t&) final { return on_value(); }
  bool string(string_t&) final { return on_value(); }
  bool binary(binary_t&) final { return on_value(); }
  bool key(string_t& key) final {
    name(key);
    return true;
  }
  bool start_object(std::size_t) final { return on_open(); }
  bool start_array(std::size_t) final { return on_open(); }
  bool end_object() final { return on_close(); }
  bool end_array() final { return on_close(); }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::json::exception&) final {
    fail("{}: not valid JSON at byte {}", where_, byte);
  }

 protected:
  explicit JsonGuard(const std::string& where) : where_(where) {}

  virtual void value() = 0;
  virtual void name(const std::string& key) = 0;
  virtual void open() = 0;  ///< an object or a list, which depth() already counts

  const std::string& where() const { return where_; }
  int depth() const { return depth_; }

 private:
  bool on_value() {
    value();
    return true;
  }
  bool on_open() {
    ++depth_;
    open();
    return true;
  }
  bool on_close() {
    --depth_;
    return true;
  }

  const std::string& where_;
  int depth_ = 0;
};

namespace detail {

class JsonCounter final : public JsonGuard {
 public:
  JsonCounter(const std::string& where, const JsonLimits& limits)
      : JsonGuard(where), depth_limit_(limits.depth), values_limit_(limits.values) {}

 private:
  void value() override { values_limit_.check(++values_, where(), "JSON values"); }
  void name(const std::string&) override { value(); }
  void open() override {
    require(depth() <= depth_limit_, "{}: JSON nested more than {} deep; nothing that is read here is",
            where(), depth_limit_);
    value();
  }

  const int depth_limit_;
  const ReaderLimit values_limit_;
  std::size_t values_ = 0;
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
