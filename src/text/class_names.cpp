#include "text/class_names.h"

#include <algorithm>
#include <unordered_map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/labels.h"
#include "text/text_cleaning.h"
#include "text/text_lines.h"
#include "text/unicode.h"

namespace san {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;
// Label maps have 16 bits per pixel, of which one value means "ignore".

void check_name(std::string_view name, std::string_view inside) {
  require(!name.empty(), "class '{}': a name is empty; write one between the separators or remove them",
          inside);
  const auto code_points = unicode::try_decode_utf8(name);
  require(code_points.has_value(), "a class name is not valid UTF-8; save the list as UTF-8");
  const auto is_control = [](char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); };
  require(std::ranges::none_of(*code_points, is_control),
          "class '{}': control characters are not allowed in a name",
          unicode::encode_utf8(repair_text(*code_points)));
}

/// Classes that CLIP cannot tell apart (it ignores case and spacing) would win pixels at random.
std::vector<ClassName> checked(std::vector<ClassName> classes, const std::string& where) {
  require(!classes.empty(), "{}: no class names in it; give at least one", where);
  require(classes.size() <= kMaxClasses, "{}: {} classes, more than the {} a label map can hold", where,
          classes.size(), kMaxClasses);
  std::unordered_map<std::u32string, const ClassName*> seen;
  for (const ClassName& entry : classes) {
    for (const std::string& name : entry.names) {
      const std::u32string key = clean_text(name);
      require(!key.empty(), "{}: class '{}' has no visible characters", where, name);
      const auto [other, added] = seen.try_emplace(key, &entry);
      require(added, "{}: '{}' is named twice (in '{}' and '{}'); remove one", where, name,
              other->second->label, entry.label);
    }
  }
  return classes;
}

}  // namespace

ClassName parse_class(std::string_view text) {
  ClassName result;
  result.names = split_trimmed(text, '|');
  for (const std::string& name : result.names) check_name(name, text);
  result.label = result.names.front();
  return std::move(checked({std::move(result)}, "class names").front());
}

std::vector<ClassName> parse_class_list(std::string_view text) {
  const std::string where = "class names";
  require(!trimmed(text).empty(), "{}: the list is empty; give names such as \"cat, couch|sofa, sky\"",
          where);
  std::vector<ClassName> classes;
  for (const std::string& part : split_trimmed(text, ',')) {
    require(!part.empty(), "{}: name {} of the list is empty; remove the extra comma", where,
            classes.size() + 1);
    classes.push_back(parse_class(part));
  }
  return checked(std::move(classes), where);
}

std::vector<ClassName> parse_class_lines(std::string_view text, const std::string& where) {
  std::vector<ClassName> classes;
  for (const std::string& line : content_lines(text)) classes.push_back(parse_class(line));
  return checked(std::move(classes), where);
}

std::vector<ClassName> load_class_file(const std::filesystem::path& path) {
  return parse_class_lines(read_text_file(path, kMaxFileBytes), path.string());
}

std::vector<ClassName> make_classes(std::span<const std::string> names) {
  std::vector<ClassName> classes;
  for (const std::string& name : names) {
    check_name(name, name);
    classes.push_back({name, {name}});
  }
  return checked(std::move(classes), "class names");
}

}  // namespace san
