#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace san {

struct ModelFacts;

// Options that several programs and commands have, worded once.

/// --short-side: 0, as it stands before, is the model's own.
CLI::Option* add_short_side_option(CLI::App& app, int& short_side);
/// --background: "none" or "other".
CLI::Option* add_background_option(CLI::App& app, std::string& background);

/// --class-count, 1 to `most`. --classes, its old spelling, is taken with a hint.
void add_class_count_option(CLI::App& app, int& count, int most);

/// Throws Error where "other" is asked for of a method that knows no background.
void require_background(const ModelFacts& facts, bool other);
/// Says which model it is, and warns of weights that mean nothing.
void log_model(const ModelFacts& facts);

}  // namespace san
