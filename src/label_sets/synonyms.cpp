#include "label_sets/synonyms.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "embedded/synonyms_ade20k_150.h"
#include "embedded/synonyms_ade20k_847.h"
#include "embedded/synonyms_coco_stuff_171.h"
#include "embedded/synonyms_demo_world.h"
#include "embedded/synonyms_pascal_context_459.h"
#include "embedded/synonyms_pascal_context_59.h"
#include "embedded/synonyms_voc_20.h"

namespace san {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(std::min(end, text.size()))) {
    if (!parts.empty()) text.remove_prefix(1);
    end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
  }
  return parts;
}

SynonymList read_list(std::string_view set, std::string_view content) {
  SynonymList list{std::string(set), {}};
  std::vector<std::string> lines = split(content, '\n');
  for (const std::string& line : std::span(lines).subspan(1)) {  // after the line of column names
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    list.classes.emplace_back(line.substr(0, tab), split(std::string_view(line).substr(tab + 1), '|'));
  }
  return list;
}

bool ends_with_any(std::string_view word, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return word.ends_with(end); });
}

}  // namespace

std::span<const SynonymList> synonym_lists() {
  static const std::array<SynonymList, 7> lists{
      read_list("ade20k-150", embedded::synonyms_ade20k_150()),
      read_list("ade20k-847", embedded::synonyms_ade20k_847()),
      read_list("coco-stuff-171", embedded::synonyms_coco_stuff_171()),
      read_list("demo-world", embedded::synonyms_demo_world()),
      read_list("pascal-context-459", embedded::synonyms_pascal_context_459()),
      read_list("pascal-context-59", embedded::synonyms_pascal_context_59()),
      read_list("voc-20", embedded::synonyms_voc_20())};
  return lists;
}

std::string spelling_key(std::string_view name) {
  std::string key;
  for (const char c : name)
    if (c != ' ' && c != '-') key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (key.size() > 4 && key.ends_with("ies")) return key.replace(key.size() - 3, 3, "y");
  if (ends_with_any(key, {"ses", "xes", "zes", "ches", "shes"})) return key.erase(key.size() - 2);
  if (key.size() > 2 && key.ends_with('s') && !key.ends_with("ss")) key.pop_back();
  return key;
}

}  // namespace san
