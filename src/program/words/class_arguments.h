#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "san/class_names.hpp"

namespace san {

/// --classes NAMES and --classes-file FILE: the same two options with the same meaning in every program.
struct ClassArguments {
  std::string classes, classes_file;

  void add_to(CLI::App& group);
  bool given() const { return !classes.empty() || !classes_file.empty(); }
  /// The classes; none when neither option was given. A file given to --classes, as `evaluate` once took it,
  /// is read with a hint. Throws Error when both were given, and for what a list cannot be.
  std::vector<ClassName> parse() const;
};

}  // namespace san
