#include "san/label_sets.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/error.h"
#include "embedded/labels_ade20k_150.h"
#include "embedded/labels_ade20k_847.h"
#include "embedded/labels_coco_stuff_171.h"
#include "embedded/labels_pascal_context_459.h"
#include "embedded/labels_pascal_context_59.h"
#include "embedded/labels_voc_20.h"
#include "label_sets/synonyms.h"

namespace san {
namespace {

constexpr std::string_view kUnknown = "-";

const std::array<std::pair<std::string_view, std::string_view>, 6>& files() {
  static const std::array<std::pair<std::string_view, std::string_view>, 6> sorted{
      {{"ade20k-150", embedded::labels_ade20k_150()},
       {"ade20k-847", embedded::labels_ade20k_847()},
       {"coco-stuff-171", embedded::labels_coco_stuff_171()},
       {"pascal-context-459", embedded::labels_pascal_context_459()},
       {"pascal-context-59", embedded::labels_pascal_context_59()},
       {"voc-20", embedded::labels_voc_20()}}};
  return sorted;
}

std::string_view take(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::int64_t number(std::string_view text, int base) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

}  // namespace

std::vector<std::string> shipped_label_sets() {
  std::vector<std::string> names;
  for (const auto& [name, content] : files()) names.emplace_back(name);
  return names;
}

LabelSet label_set(std::string_view name) {
  const auto found = std::ranges::find(files(), name, [](const auto& file) { return file.first; });
  require(found != files().end(), "no label set is called '{}'; there are {}", name,
          fmt::join(shipped_label_sets(), ", "));
  LabelSet set;
  set.name = name;
  std::string_view rest = found->second;
  for (take(rest, '\n'); !rest.empty();) {  // after the line of column names
    std::string_view line = take(rest, '\n');
    set.dataset_ids.push_back(number(take(line, '\t'), 10));
    if (const auto thing = take(line, '\t'); thing != kUnknown) set.is_thing.push_back(thing == "1");
    if (const auto colour = take(line, '\t'); colour != kUnknown) {
      const auto rgb = static_cast<unsigned>(number(colour, 16));
      const auto byte = [&](int shift) { return static_cast<std::uint8_t>(rgb >> shift & 0xff); };
      set.palette.push_back({byte(16), byte(8), byte(0)});
    }
    set.classes.emplace_back(line);
  }
  return set;
}

std::vector<ClassName> label_set_classes(std::string_view name) {
  return parse_classes(label_set(name).classes, "label set " + std::string(name));
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
      for (std::string_view rest = name; !rest.empty();) taken.emplace(spelling_key(take(rest, ',')), k);
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
