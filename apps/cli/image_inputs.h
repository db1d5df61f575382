#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace san::cli {

/// A picture to work on and the stem of its result files.
struct ImageInput {
  std::filesystem::path path;
  std::string stem;
};

/// Files, folders (their pictures, by name, not deeper) and quoted globs, in the order given. Where two
/// pictures would get the same stem, the extension joins it. Throws Error for what does not exist and for a
/// folder or glob without pictures.
std::vector<ImageInput> find_images(const std::vector<std::string>& inputs);

}  // namespace san::cli
