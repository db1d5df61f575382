#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace san::cli {

/// Throws Error when the first word is no command of `app`, or the next none of that command's, with the ones
/// it may have meant: of such a word CLI11 says only that a command is missing. `path` is what was typed
/// before.
void require_known_command(CLI::App& app, const std::string& path, int argc, char** argv);

/// What to tell of a command line that `app` could not parse, in one line: an unknown option with those it
/// may have meant, else CLI11's words.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace san::cli
