#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/temporary_folder.h"

namespace san::testing {

using san::TemporaryFolder;

/// Throw std::runtime_error naming the file.
std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view content);

/// Every file below `folder`, relative to it, in order.
std::vector<std::string> files_below(const std::filesystem::path& folder);

/// This project's text files: sources, build files, scripts, documents; relative to the source folder.
std::vector<std::string> project_files();

std::vector<std::string> lines_of(std::string_view text);

/// Where the recorded outputs of the authors' code are: $SAN_GOLDEN_DIR, else ../shared/golden beside the
/// sources. Nothing when the file is not there.
std::optional<std::filesystem::path> golden_file(const std::string& name);

}  // namespace san::testing
