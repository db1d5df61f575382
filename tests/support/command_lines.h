#pragma once
#include <string>
#include <vector>

#include "option_table.h"

namespace san::testing {

/// The simple commands of a line of shell as words, without quotes, comments and redirections: "a 'b c' | d;
/// e" is {a, b c}, {d}, {e}.
std::vector<std::vector<std::string>> simple_commands(const std::string& line);

/// What the option tables of `programs` do not know in a line of shell: one sentence for each subcommand,
/// option or choice that does not exist, each value too many and each required option that is missing. A
/// program may stand behind other words ("srun -n 8 san train"); "…" stands for anything; `san segment` may
/// be given what san-video takes. `whole`: false for a mention in passing, which may leave out what is
/// required.
std::vector<std::string> unknown_words(const std::string& line, const std::vector<manual::Command>& programs,
                                       bool whole);

}  // namespace san::testing
