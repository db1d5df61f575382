#pragma once
#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "san/class_names.hpp"

namespace san::cli {

/// A file of --bank and how much its examples weigh beside words; negative: as the bank itself says.
struct BankChoice {
  std::filesystem::path file;
  float weight = -1;
};

/// FILE or FILE:WEIGHT. Throws Error on a weight outside 0 to 1000.
BankChoice parse_bank_choice(const std::string& text);

/// What makes answers better without training.
struct AnswerArguments {
  std::string bank, distractors, synonyms = "none";
  float min_score = 0;
  bool refine = false;

  /// `usual`: what --distractors is where it is not given, for --help.
  void add_to(CLI::App& app, const char* bank_help, const char* usual);
  /// The classes with other names for them too, if --synonyms asks for that. `set`: whose list, as
  /// with_synonyms() takes it; empty: there is none, which is an Error then.
  std::vector<ClassName> named(std::vector<ClassName> classes, const std::string& set) const;
};

}  // namespace san::cli
