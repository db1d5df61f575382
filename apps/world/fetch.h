#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace san {

/// Runs a program found on PATH with these arguments in `folder`; its standard output is dropped, its errors
/// are shown. Throws Error with the command line when it cannot start or fails.
void run_program(const std::vector<std::string>& arguments, const std::filesystem::path& folder);

/// The unpacked content of an npm package under `root`, fetched with `npm pack` unless it is there already.
/// Throws Error when its package.json names something else.
std::filesystem::path fetch_npm(const std::string& name, const std::string& version,
                                const std::filesystem::path& root);

/// The unpacked content of a Debian package under `root`, fetched with `apt-get download` unless it is there
/// already.
std::filesystem::path fetch_debian(const std::string& name, const std::filesystem::path& root);

/// "Version" of a Debian package fetched before.
std::string debian_version(const std::filesystem::path& unpacked);

}  // namespace san
