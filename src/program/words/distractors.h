#pragma once
#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "san/class_names.hpp"

namespace san {

/// --distractors: none, auto, or NAMES; empty as long as it is not given. `usual`: what holds then, for
/// --help.
void add_distractors_option(CLI::App& app, std::string& distractors, const char* usual);

/// Those of --distractors NAMES; none with none and auto. Throws Error for what a list cannot be.
std::vector<ClassName> listed_distractors(const std::string& distractors);

/// "12 other names are looked for too …", for people.
std::string describe_distractors(std::span<const std::string> names);

}  // namespace san
