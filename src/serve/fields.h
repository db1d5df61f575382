#pragma once
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/multipart.h"

namespace san::serve {

using Json = nlohmann::json;

/// The kind of error of a field with a wrong value.
inline constexpr const char* kInvalid = "invalid_field";

/// Parses a body. Throws Refusal 400 on what is no JSON, is nested more than 32 deep or has more than
/// 2 million values.
Json parse_json(std::string_view body);
/// The same, of an object. Throws Refusal 422 on anything else.
Json parse_json_object(std::string_view body);

/// The fields of a request's object, read one by one. Every reader throws Refusal 422 that names the field on
/// a value of another kind or outside its range; a field that is not there, or null, is the default.
class Fields {
 public:
  /// `form`: the values are a form's, so numbers and flags come as text.
  explicit Fields(const Json& object, std::string where = "", bool form = false)
      : object_(object), where_(std::move(where)), form_(form) {}

  /// Throws Refusal 422 on a field that is none of these, with their names.
  void allow(std::initializer_list<const char*> names) const;
  bool has(const char* name) const;
  std::string text(const char* name, std::size_t most_bytes, const std::string& otherwise = "") const;
  std::int64_t integer(const char* name, std::int64_t low, std::int64_t high, std::int64_t otherwise) const;
  double number(const char* name, double low, double high, double otherwise) const;
  bool flag(const char* name, bool otherwise) const;
  /// True or false, or a text, which goes to `text` and counts as true.
  bool flag_or_text(const char* name, std::size_t most_bytes, bool otherwise, std::string& text) const;
  /// One of `choices`.
  std::string choice(const char* name, std::initializer_list<const char*> choices,
                     const std::string& otherwise) const;
  /// A list of texts, or one text split at commas when `split`, else taken as a list of one.
  std::vector<std::string> texts(const char* name, std::size_t most, std::size_t most_bytes,
                                 bool split) const;
  /// An object within; null where it is not there.
  const Json* object(const char* name) const;
  std::string path(const char* name) const { return where_.empty() ? name : where_ + "." + name; }

 private:
  const Json* find(const char* name) const;

  const Json& object_;
  std::string where_;
  bool form_;
};

/// A form as the object that its parts would be in JSON; the part "image" is left out, and the part "request"
/// (JSON) gives the fields that no part has. Repeated parts become a list.
Json form_object(const std::vector<FormPart>& parts);

}  // namespace san::serve
