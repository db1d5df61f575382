#include "text/class_names.h"

#include <unordered_map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/labels.h"
#include "base/reader_limit.h"
#include "base/utf8.h"
#include "text/text_cleaning.h"
#include "text/text_lines.h"
#include "text/unicode.h"

namespace san {
namespace {

using Limits = ClassListLimits;
constexpr std::string_view kInline = "class names";

std::string shown(std::string_view name) {
  constexpr std::size_t kShownBytes = 60;
  return printable(name, kShownBytes);
}

/// Checks classes as they come, so that a list is left at its first fault.
class ListReader {
 public:
  explicit ListReader(std::string where) : where_(std::move(where)) {}

  /// `place` says where in the list the class stands, such as "names.txt:7".
  void add(std::string_view text, const std::string& place) {
    ClassName entry;
    for_each_part(text, '|', [&](std::string_view name) { add_name(entry, std::string(name), text, place); });
    add_class(std::move(entry), place);
  }

  void add_unsplit(const std::string& name, const std::string& place) {
    ClassName entry;
    add_name(entry, name, name, place);
    add_class(std::move(entry), place);
  }

  std::vector<ClassName> take() {
    require(!classes_.empty(), "{}: no class names in it; give at least one", where_);
    return std::move(classes_);
  }

 private:
  void add_name(ClassName& entry, std::string name, std::string_view inside, const std::string& place) {
    names_limit_.check(++names_, place, "names, synonyms included");
    require(!name.empty(), "{}: class '{}': a name is empty; write one between the separators or remove them",
            place, shown(inside));
    require(name.size() <= Limits::kNameBytes,
            "{}: the name '{}' is too long: {} bytes, at most {} are read; shorten it", place, shown(name),
            name.size(), Limits::kNameBytes);
    require(unicode::try_decode_utf8(name).has_value(), "{}: '{}' is not valid UTF-8; save the list as UTF-8",
            place, shown(name));
    require(printable(name) == name,
            "{}: the name '{}' has control characters in it (shown as escapes); remove them", place,
            shown(name));
    const std::u32string key = cleaned(name, place);
    require(!key.empty(), "{}: the name '{}' has no visible characters", place, shown(name));
    const auto [other, added] = seen_.try_emplace(key, place, name);
    require(added, "{}: '{}' is named twice (the first is '{}', {}); CLIP cannot tell them apart; remove one",
            place, shown(name), shown(other->second.second), other->second.first);
    entry.names.push_back(std::move(name));
  }

  void add_class(ClassName entry, const std::string& place) {
    require(classes_.size() < kMaxClasses, "{}: more than {} classes, the most a label map can hold", place,
            kMaxClasses);
    entry.label = entry.names.front();
    classes_.push_back(std::move(entry));
  }

  static std::u32string cleaned(const std::string& name, const std::string& place) {
    try {
      return clean_text(name);
    } catch (const Error& error) {
      fail("{}: the name '{}': {}", place, shown(name), error.what());
    }
  }

  std::string where_;
  std::vector<ClassName> classes_;
  const ReaderLimit names_limit_{Limits::kNames};
  std::size_t names_ = 0;
  std::unordered_map<std::u32string, std::pair<std::string, std::string>> seen_;  // place, name
};

void check_size(std::string_view text, std::string_view where) {
  ReaderLimit(Limits::kBytes).check(text.size(), where, "bytes");
}

}  // namespace

ClassName parse_class(std::string_view text) {
  ListReader reader{std::string(kInline)};
  reader.add(text, std::string(kInline));
  return std::move(reader.take().front());
}

std::vector<ClassName> parse_class_list(std::string_view text) {
  check_size(text, kInline);
  require(!trimmed(text).empty(), "{}: the list is empty; give names such as \"cat, couch|sofa, sky\"",
          kInline);
  ListReader reader{std::string(kInline)};
  std::size_t number = 0;
  for_each_part(text, ',', [&](std::string_view part) {
    ++number;
    require(!part.empty(), "{}: name {} of the list is empty; remove the extra comma", kInline, number);
    reader.add(part, fmt::format("{}, number {}", kInline, number));
  });
  return reader.take();
}

std::vector<ClassName> parse_classes(std::span<const std::string> entries, const std::string& where) {
  ListReader reader(where);
  for (std::size_t i = 0; i < entries.size(); ++i)
    reader.add(entries[i], fmt::format("{}, class {}", where, i + 1));
  return reader.take();
}

std::vector<ClassName> parse_class_lines(std::string_view text, const std::string& where) {
  check_size(text, where);
  ListReader reader(where);
  for_each_content_line(text, [&](std::string_view line, std::size_t number) {
    reader.add(line, fmt::format("{}:{}", where, number));
  });
  return reader.take();
}

std::vector<ClassName> load_class_file(const std::filesystem::path& path) {
  return parse_class_lines(read_text_file(path, Limits::kBytes), path.string());
}

std::vector<ClassName> make_classes(std::span<const std::string> names) {
  ListReader reader{std::string(kInline)};
  for (std::size_t i = 0; i < names.size(); ++i)
    reader.add_unsplit(names[i], fmt::format("{}, number {}", kInline, i + 1));
  return reader.take();
}

std::vector<std::string> class_labels(std::span<const ClassName> classes) {
  std::vector<std::string> labels;
  for (const ClassName& entry : classes) labels.push_back(entry.label);
  return labels;
}

}  // namespace san
