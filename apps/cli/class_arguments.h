#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "san/class_names.hpp"

namespace san::cli {

/// --classes NAMES and --classes-file FILE: the same two options with the same meaning in every command.
struct ClassArguments {
  std::string classes, classes_file;

  void add_to(CLI::App& group);
  bool given() const { return !classes.empty() || !classes_file.empty(); }
  /// The classes; none when neither option was given. A file given to --classes, as `evaluate` once took it,
  /// is read with a hint.
  std::vector<ClassName> parse() const;
};

}  // namespace san::cli
