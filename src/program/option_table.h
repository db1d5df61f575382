#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace san {

/// Every command and option of `app` as JSON, for what writes manual pages and completions (apps/manual). A
/// command: name, description, footer, elsewhere (a companion program has its options), options, commands. An
/// option: names, positional, value (empty for a flag), choices, limits, default, separator, required,
/// repeats, description, group.
std::string option_table(const CLI::App& app);

}  // namespace san
