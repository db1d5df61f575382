#pragma once
#include <string>

#include "option_table.h"

namespace san::manual {

/// Scripts that complete commands, options and the options' choices; where a value is free, file names.
/// They need nothing but the shell itself.
std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

}  // namespace san::manual
