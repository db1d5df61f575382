#pragma once
#include <string>

#include "option_table.h"

namespace san::manual {

/// The page in section 1 of one command, as groff's man macros. `root`: the program, for what pages refer to.
/// `version`: of the program.
std::string man_page(const Command& command, const Command& root, const std::string& version);

}  // namespace san::manual
