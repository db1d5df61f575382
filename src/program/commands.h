#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace san {

/// Parses a program's arguments and runs the command they name. Returns 0, or 2 after one line "error: …" on
/// standard error; of a word that is no command, or no option, it says which ones come near. `path`: how the
/// commands are typed, such as "san world". The lone argument --dump-options prints option_table(), for the
/// build.
int run_commands(CLI::App& app, const std::string& path, int argc, char** argv);

}  // namespace san
