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

/// Says which model it is, and warns of weights that mean nothing.
void log_model(const ModelFacts& facts);

}  // namespace san
