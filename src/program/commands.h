#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <string>

namespace san {

/// Parses a program's arguments and runs the command they name. Returns 0, or 2 after one line "error: …" on
/// standard error; of a word that is no command, or no option, it says which ones come near. `path`: how the
/// commands are typed, such as "san world". The lone argument --dump-options prints option_table(), for the
/// build.
int run_commands(CLI::App& app, const std::string& path, int argc, char** argv);

/// The same for a program that is one command, typed as `app` is called, such as "san pull": adds --version
/// and --verbose and calls `run` with the flag that Ctrl-C sets. Returns what `run` does, 2 as above, or 130
/// when it was interrupted and failed.
int run_only_command(CLI::App& app, int argc, char** argv,
                     const std::function<int(const std::atomic<bool>&)>& run);

}  // namespace san
