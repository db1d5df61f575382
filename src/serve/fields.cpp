#include "serve/fields.h"

#include <charconv>
#include <cmath>

#include "base/bounded_json.h"
#include "base/utf8.h"
#include "serve/refusal.h"

namespace san::serve {
namespace {

std::string shown(const Json& value) {
  if (!value.is_primitive()) return value.type_name();
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

template <class Number>
std::optional<Number> parsed(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> words;
  for (;;) {
    const std::size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    words.emplace_back(word);
    if (comma == std::string_view::npos) return words;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Json parse_json(std::string_view body) {
  constexpr JsonLimits kLimits{32, 2'000'000};
  try {
    return parse_bounded_json(body, "the body", kLimits);
  } catch (const Error& e) {
    throw Refusal(400, "bad_json", e.what());
  } catch (const Json::exception& e) {  // such as a number that no double holds
    throw Refusal(400, "bad_json", fmt::format("the body: {}", printable(json_reason(e), 200)));
  }
}

Json parse_json_object(std::string_view body) {
  Json value = parse_json(body);
  expect(value.is_object(), 422, kInvalid, "", "the body: expected a JSON object, got {}", value.type_name());
  return value;
}

const Json* Fields::find(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool Fields::has(const char* name) const {
  return find(name) != nullptr;
}

void Fields::allow(std::initializer_list<const char*> names) const {
  for (const auto& [key, value] : object_.items()) {
    if (std::ranges::find_if(names, [&](const char* name) { return key == name; }) != names.end()) continue;
    throw Refusal(
        422, "unknown_field",
        fmt::format("there is no field {}; there are {}", printable(key, 60), fmt::join(names, ", ")),
        path(printable(key, 60).c_str()));
  }
}

std::string Fields::text(const char* name, std::size_t most_bytes, const std::string& otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  expect(value->is_string(), 422, kInvalid, path(name), "{}: expected a text, got {}", path(name),
         shown(*value));
  const auto& text = value->get_ref<const std::string&>();
  expect(text.size() <= most_bytes, 422, kInvalid, path(name), "{}: {} bytes, more than {}", path(name),
         text.size(), most_bytes);
  return text;
}

std::int64_t Fields::integer(const char* name, std::int64_t low, std::int64_t high,
                             std::int64_t otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  std::optional<std::int64_t> number;
  if (value->is_number_unsigned()) {
    const auto wide = value->get<std::uint64_t>();
    if (wide <= static_cast<std::uint64_t>(high)) number = static_cast<std::int64_t>(wide);
  } else if (value->is_number_integer()) {
    number = value->get<std::int64_t>();
  } else if (form_ && value->is_string()) {
    number = parsed<std::int64_t>(value->get_ref<const std::string&>());
  }
  expect(number && *number >= low && *number <= high, 422, kInvalid, path(name),
         "{}: expected a whole number from {} to {}, got {}", path(name), low, high, shown(*value));
  return *number;
}

double Fields::number(const char* name, double low, double high, double otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  std::optional<double> number;
  if (value->is_number()) number = value->get<double>();
  if (form_ && value->is_string()) number = parsed<double>(value->get_ref<const std::string&>());
  expect(number && *number >= low && *number <= high, 422, kInvalid, path(name),
         "{}: expected a number from {} to {}, got {}", path(name), low, high, shown(*value));
  return *number;
}

bool Fields::flag(const char* name, bool otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (form_ && value->is_string() && (*value == "true" || *value == "false")) return *value == "true";
  expect(value->is_boolean(), 422, kInvalid, path(name), "{}: expected true or false, got {}", path(name),
         shown(*value));
  return value->get<bool>();
}

bool Fields::flag_or_text(const char* name, std::size_t most_bytes, bool otherwise, std::string& text) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  expect(value->is_boolean() || value->is_string(), 422, kInvalid, path(name),
         "{}: expected true, false or a name, got {}", path(name), shown(*value));
  if (value->is_boolean() || *value == "true" || *value == "false") return *value == true || *value == "true";
  text = this->text(name, most_bytes);
  return true;
}

std::string Fields::choice(const char* name, std::initializer_list<const char*> choices,
                           const std::string& otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  for (const char* choice : choices)
    if (value->is_string() && *value == choice) return choice;
  refuse(422, kInvalid, path(name), "{}: expected one of {}, got {}", path(name), fmt::join(choices, ", "),
         shown(*value));
}

std::vector<std::string> Fields::texts(const char* name, std::size_t most, std::size_t most_bytes,
                                       bool split) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  std::vector<std::string> texts;
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    expect(text.size() <= most_bytes * most, 422, kInvalid, path(name), "{}: {} bytes, more than {}",
           path(name), text.size(), most_bytes * most);
    texts = split ? split_at_commas(text) : std::vector<std::string>{text};
  } else {
    expect(value->is_array(), 422, kInvalid, path(name), "{}: expected a list of texts, got {}", path(name),
           shown(*value));
    expect(value->size() <= most, 422, kInvalid, path(name), "{}: {} entries, more than {}", path(name),
           value->size(), most);
    for (std::size_t i = 0; i < value->size(); ++i) {
      const std::string place = fmt::format("{}[{}]", path(name), i);
      expect((*value)[i].is_string(), 422, kInvalid, place, "{}: expected a text, got {}", place,
             shown((*value)[i]));
      texts.push_back((*value)[i].get<std::string>());
    }
  }
  expect(texts.size() <= most, 422, kInvalid, path(name), "{}: {} entries, more than {}", path(name),
         texts.size(), most);
  for (std::size_t i = 0; i < texts.size(); ++i)
    expect(texts[i].size() <= most_bytes, 422, kInvalid, fmt::format("{}[{}]", path(name), i),
           "{}[{}]: {} bytes, more than {}", path(name), i, texts[i].size(), most_bytes);
  return texts;
}

const Json* Fields::object(const char* name) const {
  const Json* value = find(name);
  if (value == nullptr) return nullptr;
  expect(value->is_object(), 422, kInvalid, path(name), "{}: expected an object, got {}", path(name),
         shown(*value));
  return value;
}

Json form_object(const std::vector<FormPart>& parts) {
  Json object = Json::object();
  for (const FormPart& part : parts) {
    if (part.name == "image" || part.name == "request") continue;
    std::string text(part.content);
    const auto found = object.find(part.name);
    if (found == object.end())
      object[part.name] = std::move(text);
    else if (found->is_array())
      found->push_back(std::move(text));
    else
      *found = Json::array({*found, std::move(text)});
  }
  for (const FormPart& part : parts) {
    if (part.name != "request") continue;
    const Json request = parse_json_object(part.content);
    for (const auto& [key, value] : request.items())
      if (!object.contains(key)) object[key] = value;
  }
  return object;
}

}  // namespace san::serve
