#pragma once
#include <filesystem>

namespace san {

/// A folder for results, with those above it; nothing happens where it is there already. Throws Error with
/// the path.
void make_folder(const std::filesystem::path& folder);

}  // namespace san
