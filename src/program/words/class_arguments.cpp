#include "program/words/class_arguments.h"

#include <filesystem>

#include "base/error.h"
#include "base/log.h"

namespace san {

void ClassArguments::add_to(CLI::App& group) {
  group.add_option("-c,--classes", classes,
                   "Names separated by commas; \"couch|sofa\" is one class with two names");
  group.add_option("--classes-file", classes_file, "File with one class per line; # begins a comment line");
}

std::vector<ClassName> ClassArguments::parse() const {
  require(classes.empty() || classes_file.empty(), "give --classes or --classes-file, not both");
  if (!classes_file.empty()) return load_class_file(classes_file);
  if (classes.empty()) return {};
  const std::filesystem::path path(classes);
  std::error_code error;
  const bool looks_like_a_file =
      path.has_extension() || path.has_parent_path();  // a class "cat" stays a class
  if (!looks_like_a_file || !std::filesystem::is_regular_file(path, error)) return parse_class_list(classes);
  log::warn("--classes takes names; {} is a file and is read as one: write --classes-file {}", classes,
            classes);
  return load_class_file(path);
}

}  // namespace san
