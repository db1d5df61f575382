#include "label_sets/synonyms.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "base/error.h"
#include "embedded/synonyms_ade20k_150.h"
#include "embedded/synonyms_ade20k_847.h"
#include "embedded/synonyms_coco_stuff_171.h"
#include "embedded/synonyms_demo_world.h"
#include "embedded/synonyms_pascal_context_459.h"
#include "embedded/synonyms_pascal_context_59.h"
#include "embedded/synonyms_voc_20.h"
#include "san/label_sets.hpp"

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

std::vector<ClassName> with_synonyms(std::span<const ClassName> classes, std::string_view set) {
  const auto lists = synonym_lists();
  const auto list = std::ranges::find(lists, set, &SynonymList::set);
  if (list == lists.end()) {
    std::vector<std::string> known;
    for (const SynonymList& l : lists) known.push_back(l.set);
    fail("no other names are known for a set called '{}'; there are lists for {}", set,
         fmt::join(known, ", "));
  }
  std::map<std::string, const std::vector<std::string>*> others;
  for (const auto& [name, names] : list->classes) others.emplace(name, &names);

  std::map<std::string, std::size_t> taken;  // by spelling: the class that has the name
  for (std::size_t k = 0; k < classes.size(); ++k)
    for (const std::string& name : classes[k].names)
      for (const std::string& part : split(name, ',')) taken.emplace(spelling_key(part), k);
  std::vector<ClassName> result(classes.begin(), classes.end());
  for (std::size_t k = 0; k < result.size(); ++k) {
    std::string label = result[k].label;
    std::ranges::transform(label, label.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto found = others.find(label);
    if (result[k].names.size() > 1 || found == others.end()) continue;
    for (const std::string& name : *found->second)
      if (taken.emplace(spelling_key(name), k).first->second == k) result[k].names.push_back(name);
  }
  return result;
}

}  // namespace san
