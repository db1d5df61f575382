#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace san {

/// Whose files a program reads: its user's, who may raise the limits of readers, or those of strangers too.
enum class Files : std::uint8_t { kOfUser, kOfStrangers };

/// Parses a program's arguments and runs the command they name. Returns 0, or 2 after one line "error: …" on
/// standard error; of a word that is no command, or no option, it says which ones come near. `path`: how the
/// commands are typed, such as "san world". The lone argument --dump-options prints option_table(), for the
/// build. Commands get the option --limits; with kOfStrangers none does, and $SAN_LIMITS counts for nothing.
int run_commands(CLI::App& app, const std::string& path, int argc, char** argv, Files files = Files::kOfUser);

/// The same for a program that is one command, typed as `app` is called, such as "san pull": adds --version
/// and --verbose and calls `run` with the flag that Ctrl-C sets. Returns what `run` does, 2 as above, or 130
/// when it was interrupted and failed.
int run_only_command(CLI::App& app, int argc, char** argv,
                     const std::function<int(const std::atomic<bool>&)>& run);

}  // namespace san
