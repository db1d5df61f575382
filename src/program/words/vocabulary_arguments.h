#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <string>
#include <vector>

#include "program/words/class_arguments.h"
#include "san/model.hpp"

namespace san {

/// Which classes, and how their names become text embeddings.
struct VocabularyArguments {
  ClassArguments list;
  std::string label_set, templates, cache_dir;
  bool no_cache = false, quiet = false;

  void add_to(CLI::App& app, bool required);
  /// Throws Error when none were given, and for what a list cannot be.
  std::vector<ClassName> parse() const;
};

/// The classes as the network knows them, with a progress bar when it takes long. `distractors`: what
/// --distractors says; which were chosen is told. Throws Error as Model::vocabulary() does.
Vocabulary embed(const Model& model, const std::vector<ClassName>& classes,
                 const VocabularyArguments& arguments, const std::string& distractors,
                 const std::atomic<bool>& interrupted);

/// With one class and no "other" every pixel gets that class: says so.
void warn_of_single_class(const std::vector<ClassName>& classes, bool other);

}  // namespace san
