#include "data/dataset_spec.h"

#include <algorithm>
#include <set>

#include "base/atomic_file.h"
#include "base/bounded_yaml.h"
#include "base/error.h"
#include "base/input_file.h"
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
  return classes <= 255 ? 255 : static_cast<int>(kNoLabel16);
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

std::vector<std::string> named_classes(const std::string& name, const std::string& where) {
  try {
    return label_set(name).classes;
  } catch (const Error& error) {
    fail("{}: {}", where, error.what());
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
    spec.set_classes(load_class_file(folder / node["classes_file"].as<std::string>()));
  else if (node["classes"].IsSequence())
    spec.set_classes(parse_classes(node["classes"].as<std::vector<std::string>>(), where));
  else
    spec.set_classes(parse_classes(named_classes(node["classes"].as<std::string>(), where), where));
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
  if (file_exists(folder / "dataset.yaml")) {
    spec = load_dataset_spec((folder / "dataset.yaml").string());
  } else {
    const fs::path names = folder / "classes.txt";
    require(file_exists(names),
            "{}: expected dataset.yaml, or images/, labels/ and classes.txt (one class per line); found no "
            "classes.txt",
            folder.string());
    spec = describe_folders("images", "labels", names);
    spec.name = spec.title = fs::absolute(folder / "x").lexically_normal().parent_path().filename().string();
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

void DatasetSpec::set_classes(const std::vector<ClassName>& list) {
  classes = class_labels(list);
  synonyms.clear();
  for (std::size_t c = 0; c < list.size(); ++c)
    if (list[c].names.size() > 1)
      synonyms[static_cast<int>(c)] = {std::next(list[c].names.begin()), list[c].names.end()};
}

std::vector<ClassName> DatasetSpec::vocabulary() const {
  std::vector<ClassName> list;
  for (const std::string& label : classes) list.push_back({label, {label}});
  for (const auto& [c, more] : synonyms) {
    std::vector<std::string>& names = list.at(static_cast<std::size_t>(c)).names;
    names.insert(names.end(), more.begin(), more.end());
  }
  return list;
}

std::vector<std::string> shipped_datasets() {
  std::vector<std::string> names;
  for (const auto& entry : shipped()) names.push_back(entry.first);
  return names;
}

DatasetSpec parse_dataset_spec(std::string_view yaml, const std::string& where, const fs::path& folder) {
  try {
    return parse(parse_bounded_yaml(yaml, where), where, folder);
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

DatasetSpec describe_folders(const fs::path& images, const fs::path& labels,
                             const std::vector<ClassName>& classes) {
  DatasetSpec spec;
  spec.name = spec.title = images.string();
  spec.set_classes(classes);
  for (int c = 0; c < spec.class_count(); ++c) spec.category_ids.push_back(c);
  spec.ignore = default_ignore(spec.classes.size());
  spec.splits["all"] = {images, labels, {}};
  spec.default_split = "all";
  return spec;
}

DatasetSpec describe_folders(const fs::path& images, const fs::path& labels, const fs::path& classes_file) {
  return describe_folders(images, labels, load_class_file(classes_file));
}

std::vector<int> read_class_subset(const fs::path& file, const DatasetSpec& spec) {
  std::map<std::string, int> index;
  const std::vector<ClassName> known = spec.vocabulary();
  for (std::size_t c = 0; c < known.size(); ++c)
    for (const std::string& name : known[c].names) index.emplace(name, static_cast<int>(c));
  std::vector<int> out;
  std::vector<std::string> unknown;
  for (const ClassName& wanted : load_class_file(file)) {
    if (const auto found = index.find(wanted.label); found != index.end())
      out.push_back(found->second);
    else
      unknown.push_back(wanted.label);
  }
  require(unknown.empty(), "{}: not classes of the dataset: {}", file.string(), fmt::join(unknown, ", "));
  require(std::set(out.begin(), out.end()).size() == out.size(), "{}: names a class twice", file.string());
  return out;
}

}  // namespace san
