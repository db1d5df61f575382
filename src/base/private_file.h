#pragma once
#include <filesystem>
#include <string>

namespace san {

/// A file of this installation that users do not call themselves, such as "san-decode": looked for in the
/// folder san/ beside the library (or program) that this code is part of and in its lib folder, so that an
/// installation may be moved as a whole. Throws Error naming what is missing and where it was looked for.
std::filesystem::path find_private_file(const std::string& name);

}  // namespace san
