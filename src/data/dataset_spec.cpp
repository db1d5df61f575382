#include "data/dataset_spec.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/labels.h"
#include "embedded/dataset_ade20k_150.h"
#include "embedded/dataset_ade20k_847.h"
#include "embedded/dataset_coco_stuff_171.h"
#include "embedded/dataset_pascal_context_459.h"
#include "embedded/dataset_pascal_context_59.h"
#include "embedded/dataset_voc_20.h"
#include "san/label_sets.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDescriptionLimitBytes = std::size_t{4} << 20;

const std::map<std::string, std::string_view>& shipped() {
  static const std::map<std::string, std::string_view> all{
      {"ade20k-150", embedded::dataset_ade20k_150()},
      {"ade20k-847", embedded::dataset_ade20k_847()},
      {"coco-stuff-171", embedded::dataset_coco_stuff_171()},
      {"pascal-context-459", embedded::dataset_pascal_context_459()},
      {"pascal-context-59", embedded::dataset_pascal_context_59()},
      {"voc-20", embedded::dataset_voc_20()},
  };
  return all;
}

/// What is customary: the largest value of the smallest label type that holds the classes.
int default_ignore(std::size_t classes) {
  return classes <= 255 ? 255 : kNoLabel;
}

template <class T>
void read(const YAML::Node& node, const char* key, T& out) {
  if (node[key]) out = node[key].as<T>();
}

void check_keys(const YAML::Node& node, const std::set<std::string>& known, const std::string& where) {
  require(node.IsMap(), "{}: expected 'key: value' lines", where);
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    require(known.contains(key), "{}: unknown key '{}'; known are: {}", where, key, fmt::join(known, ", "));
  }
}

std::string trim(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, blank));
  return text;
}

void check_classes(const std::vector<std::string>& classes, const std::string& where) {
  require(!classes.empty(), "{}: no class names", where);
  require(classes.size() <= kMaxClasses, "{}: {} classes; 16-bit labels hold at most {}", where,
          classes.size(), kMaxClasses);
  std::set<std::string> seen;
  for (const auto& name : classes) {
    require(!name.empty(), "{}: an empty class name", where);
    require(seen.insert(name).second, "{}: class '{}' is named twice; numbers per class would be ambiguous",
            where, name);
  }
}

DatasetSpec parse(const YAML::Node& node, const std::string& where, const fs::path& folder) {
  check_keys(
      node,
      {"name", "title", "classes", "classes_file", "category_ids", "raw_ids", "ignore", "image_extensions",
       "label_extensions", "splits", "default_split", "images_without_label", "short_side", "max_side"},
      where);
  DatasetSpec spec;
  require(node["name"].IsDefined(), "{}: 'name' is missing", where);
  spec.name = spec.title = node["name"].as<std::string>();
  read(node, "title", spec.title);
  require(node["classes"].IsDefined() != node["classes_file"].IsDefined(),
          "{}: expected either 'classes' (a list, or the name of a label set) or 'classes_file'", where);
  if (node["classes_file"])
    spec.classes = read_class_names(folder / node["classes_file"].as<std::string>());
  else if (node["classes"].IsSequence())
    spec.classes = node["classes"].as<std::vector<std::string>>();
  else
    spec.classes = label_set(node["classes"].as<std::string>()).classes;
  check_classes(spec.classes, where);
  for (const auto& [key, ids] : {std::pair{"category_ids", &spec.category_ids}, {"raw_ids", &spec.raw_ids}}) {
    read(node, key, *ids);
    require(!node[key] || ids->size() == spec.classes.size(), "{}: {} {} for {} classes", where, ids->size(),
            key, spec.classes.size());
    require(std::set(ids->begin(), ids->end()).size() == ids->size(), "{}: {} holds a number twice", where,
            key);
  }
  if (spec.category_ids.empty())
    for (std::size_t c = 0; c < spec.classes.size(); ++c)
      spec.category_ids.push_back(static_cast<std::int64_t>(c));
  spec.ignore = default_ignore(spec.classes.size());
  read(node, "ignore", spec.ignore);
  require(spec.ignore >= 0 && spec.ignore <= 65535, "{}: ignore value {}; expected 0 to 65535", where,
          spec.ignore);
  require(spec.ignore >= spec.class_count(), "{}: the ignore value {} is also a class (0 to {})", where,
          spec.ignore, spec.class_count() - 1);
  read(node, "image_extensions", spec.image_extensions);
  read(node, "label_extensions", spec.label_extensions);
  if (node["images_without_label"]) {
    const auto value = node["images_without_label"].as<std::string>();
    require(value == "expected" || value == "reported",
            "{}: images_without_label: '{}'; expected 'expected' or 'reported'", where, value);
    spec.images_without_label_expected = value == "expected";
  }
  read(node, "short_side", spec.short_side);
  read(node, "max_side", spec.max_side);
  require(spec.short_side >= 1 && spec.max_side >= spec.short_side, "{}: short_side {} and max_side {}",
          where, spec.short_side, spec.max_side);
  require(node["splits"].IsDefined() && node["splits"].IsMap() && node["splits"].size() > 0,
          "{}: expected 'splits: {{val: {{images: FOLDER, labels: FOLDER}}}}'", where);
  for (const auto& entry : node["splits"]) {
    const auto name = entry.first.as<std::string>();
    const std::string inside = fmt::format("{}, split {}", where, name);
    check_keys(entry.second, {"images", "labels", "expected_samples"}, inside);
    require(entry.second["images"] && entry.second["labels"], "{}: 'images' and 'labels' are both needed",
            inside);
    DatasetSplit split{
        entry.second["images"].as<std::string>(), entry.second["labels"].as<std::string>(), {}};
    if (entry.second["expected_samples"])
      split.expected_samples = entry.second["expected_samples"].as<std::int64_t>();
    spec.splits.emplace(name, std::move(split));
  }
  spec.default_split = spec.splits.begin()->first;
  read(node, "default_split", spec.default_split);
  (void)spec.split(spec.default_split);
  return spec;
}

DatasetSpec folder_spec(const fs::path& folder) {
  DatasetSpec spec;
  if (fs::exists(folder / "dataset.yaml")) {
    spec = load_dataset_spec((folder / "dataset.yaml").string());
  } else {
    const fs::path names = folder / "classes.txt";
    require(fs::exists(names),
            "{}: expected dataset.yaml, or images/, labels/ and classes.txt (one class per line); found no "
            "classes.txt",
            folder.string());
    spec = describe_folders("images", "labels", names);
    spec.name = spec.title = fs::canonical(folder).filename().string();
  }
  spec.root = folder;
  return spec;
}

}  // namespace

const DatasetSplit& DatasetSpec::split(std::string_view split_name) const {
  const std::string key(split_name.empty() ? default_split : split_name);
  const auto found = splits.find(key);
  if (found != splits.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& entry : splits) names.push_back(entry.first);
  fail("dataset {}: no split '{}'; there are: {}", name, key, fmt::join(names, ", "));
}

std::vector<std::string> shipped_datasets() {
  std::vector<std::string> names;
  for (const auto& entry : shipped()) names.push_back(entry.first);
  return names;
}

DatasetSpec parse_dataset_spec(std::string_view yaml, const std::string& where, const fs::path& folder) {
  try {
    return parse(YAML::Load(std::string(yaml)), where, folder);
  } catch (const YAML::Exception& error) {
    fail("{}: {}", where, error.what());
  }
}

DatasetSpec load_dataset_spec(const std::string& name_or_path) {
  if (const auto found = shipped().find(name_or_path); found != shipped().end())
    return parse_dataset_spec(found->second, "built-in dataset " + name_or_path, {});
  const fs::path path(name_or_path);
  std::error_code error;
  if (fs::is_directory(path, error)) return folder_spec(path);
  if (fs::is_regular_file(path, error)) {
    DatasetSpec spec =
        parse_dataset_spec(read_text_file(path, kDescriptionLimitBytes), path.string(), path.parent_path());
    spec.root = path.has_parent_path() ? path.parent_path() : fs::path(".");
    return spec;
  }
  fail("dataset '{}': neither a built-in dataset ({}) nor a description file (*.yaml) nor a folder",
       name_or_path, fmt::join(shipped_datasets(), ", "));
}

DatasetSpec describe_folders(const fs::path& images, const fs::path& labels, const fs::path& classes_file) {
  DatasetSpec spec;
  spec.name = spec.title = images.string();
  spec.classes = read_class_names(classes_file);
  for (int c = 0; c < spec.class_count(); ++c) spec.category_ids.push_back(c);
  spec.ignore = default_ignore(spec.classes.size());
  spec.splits["all"] = {images, labels, {}};
  spec.default_split = "all";
  return spec;
}

std::vector<int> read_class_subset(const fs::path& file, const std::vector<std::string>& classes) {
  std::vector<int> out;
  std::vector<std::string> unknown;
  for (const auto& name : read_class_names(file)) {
    const auto found = std::ranges::find(classes, name);
    if (found == classes.end())
      unknown.push_back(name);
    else
      out.push_back(static_cast<int>(found - classes.begin()));
  }
  require(unknown.empty(), "{}: not classes of the dataset: {}", file.string(), fmt::join(unknown, ", "));
  return out;
}

std::vector<std::string> read_class_names(const fs::path& file) {
  std::vector<std::string> classes;
  const std::string text = read_text_file(file, kDescriptionLimitBytes);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = trim(text.substr(begin, end - begin));
    if (!name.empty()) classes.push_back(std::move(name));
    begin = end + 1;
  }
  check_classes(classes, file.string());
  return classes;
}

}  // namespace san
