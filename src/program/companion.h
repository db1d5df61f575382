#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace san {

/// The folder of the running program.
std::filesystem::path program_folder();

/// Runs a program that lies beside this one in this one's place, with `arguments` (the first names it).
/// Returns only by Error, which ends in `why`: when there is none.
[[noreturn]] void become_companion(const std::string& name, std::vector<std::string> arguments,
                                   const std::string& why);

/// A file that the demo world reads: `path` itself where it exists, else what is shipped under the same file
/// name (share/san/world of the installed tree, or of the build's), else `path`, for whoever opens it to
/// complain of.
std::filesystem::path world_file(const std::filesystem::path& path);

}  // namespace san
