#include "icons.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/error.h"

namespace san {
namespace {

nlohmann::json parse(const std::filesystem::path& path) {
  auto value = nlohmann::json::parse(read_text_file(path), nullptr, false);
  require(value.is_object(), "{}: not a JSON object; remove the package's folder and build again",
          path.string());
  return value;
}

std::string without_selectors(const std::string& code) {
  std::string out;
  for (std::size_t begin = 0; begin < code.size();) {
    const std::size_t end = std::min(code.find('-', begin), code.size());
    const std::string_view part = std::string_view(code).substr(begin, end - begin);
    if (part != "fe0f") out.append(out.empty() ? "" : "-").append(part);
    begin = end + 1;
  }
  return out;
}

std::string hyphenated(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name;
}

}  // namespace

void IconNames::add(const std::filesystem::path& package) {
  const auto table = parse(package / "chars.json");
  for (const auto& [code, name] : table.items()) {
    auto& names = names_[without_selectors(code)];
    const auto text = name.get<std::string>();
    if (std::find(names.begin(), names.end(), text) == names.end()) names.push_back(text);
  }
}

const std::vector<std::string>& IconNames::of(const std::string& emoji) const {
  static const std::vector<std::string> none;
  const auto found = names_.find(without_selectors(emoji));
  return found == names_.end() ? none : found->second;
}

// NOLINTNEXTLINE(bugprone-exception-escape): a null JSON value allocates nothing.
struct IconSet::Data {
  nlohmann::json icons, aliases;
  IconNames names;
  double width = 16, height = 16;

  /// Null where there is none.
  const nlohmann::json* entry(const std::string& icon) const {
    std::string name = icon;
    for (int hops = 0; hops < 4 && aliases.contains(name); ++hops) name = aliases[name].value("parent", "");
    return icons.contains(name) ? &icons[name] : nullptr;
  }
};

IconSet::IconSet(const std::filesystem::path& package, std::string_view licence)
    : data_(std::make_unique<Data>()) {
  const auto info = parse(package / "info.json");
  const std::string stated = info.value("/license/spdx"_json_pointer, "");
  require(stated == licence, "{}: states the licence '{}', expected '{}'; the list of sources needs a review",
          package.string(), stated, licence);
  auto file = parse(package / "icons.json");
  data_->width = file.value("width", 16.0);
  data_->height = file.value("height", 16.0);
  data_->icons = std::move(file["icons"]);
  data_->names.add(package);
  if (file.contains("aliases")) data_->aliases = std::move(file["aliases"]);
}

IconSet::~IconSet() = default;

const IconNames& IconSet::own_names() const {
  return data_->names;
}

std::string IconSet::document(const std::string& icon, double margin) const {
  const auto* entry = data_->entry(icon);
  if (!entry) return {};
  const double w = entry->value("width", data_->width), h = entry->value("height", data_->height);
  const double m = margin * w;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"{} "
      "{} {} {}\">{}</svg>",
      entry->value("left", 0.0) - m, entry->value("top", 0.0) - m, w + 2 * m, h + 2 * m,
      entry->value("body", ""));
}

double IconSet::width(const std::string& icon) const {
  const auto* entry = data_->entry(icon);
  return entry ? entry->value("width", data_->width) : 0;
}

std::vector<std::string> icons_of(const Concept& subject, const IconNames& names, const IconSet& set,
                                  bool fxemoji) {
  if (fxemoji) return subject.fxemoji;
  std::vector<std::string> out;
  for (const auto& emoji : subject.emoji) {
    const auto& own = set.own_names().of(emoji);
    for (const auto& name : own.empty() ? names.of(emoji) : own)
      if (!set.document(name).empty()) {
        if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
        break;
      }
  }
  return out;
}

std::vector<std::string> icons_called(const Concept& subject, const IconNames& names, const IconSet& set,
                                      std::string_view suffix) {
  std::vector<std::string> called = {hyphenated(subject.name)}, out;
  for (const auto& synonym : subject.synonyms) called.push_back(hyphenated(synonym));
  for (const auto& emoji : subject.emoji)
    for (const auto& name : names.of(emoji)) called.push_back(name);
  for (const auto& name : called)
    for (const char* face : {"", "-face"})
      for (const char* number : {"", "-1", "-2", "-3", "-01", "-02", "-03"}) {
        const std::string icon = fmt::format("{}{}{}{}", name, face, number, suffix);
        if (!set.document(icon).empty() && std::find(out.begin(), out.end(), icon) == out.end())
          out.push_back(icon);
      }
  return out;
}

std::string decode_data_url(std::string_view text) {
  constexpr std::string_view kMark = ";base64,";
  const std::size_t at = text.find(kMark);
  require(at != std::string_view::npos, "expected base64 data in a package file, found none");
  text.remove_prefix(at + kMark.size());
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  return base64_decode(text.substr(0, text.find_first_not_of(kAlphabet)));
}

}  // namespace san
