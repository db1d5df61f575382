#pragma once
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace san::cli {

/// A picture to work on and the stem of its result files.
struct ImageInput {
  std::filesystem::path path;
  std::string stem;

  /// "-": the picture comes from standard input (read_standard_input()), its stem is "stdin".
  bool from_standard_input() const { return path == "-"; }
};

/// Files, folders (their pictures, by name, not deeper), quoted globs and "-" for one picture on standard
/// input, in the order given. Where two pictures would get the same stem, the extension joins it. Throws
/// Error for what does not exist and for a folder or glob without pictures, and for "-" given twice.
std::vector<ImageInput> find_images(const std::vector<std::string>& inputs);

/// All of standard input. Throws Error when it is empty or a terminal, cannot be read, holds more than
/// ReaderLimit(limit_bytes), or `interrupted` becomes true while it waits.
std::string read_standard_input(std::size_t limit_bytes, const std::atomic<bool>& interrupted);

}  // namespace san::cli
