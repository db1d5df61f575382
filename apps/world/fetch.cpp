#include "fetch.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"

extern char** environ;

namespace san {
namespace {

namespace fs = std::filesystem;

/// Names become folder names; nothing else may be smuggled in by them.
std::string folder_name(const std::string& package) {
  std::string out;
  for (const char c : package) out += c == '/' ? '-' : c;
  std::erase(out, '@');
  require(!out.empty() && out.find("..") == std::string::npos, "'{}' is no package name", package);
  return out;
}

fs::path only_file(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == extension) found.push_back(entry.path());
  require(found.size() == 1, "{}: expected one {} file, got {}", folder.string(), extension, found.size());
  return found.front();
}

/// Calls fill(temporary folder) and renames it, so that a folder that exists is complete.
template <class Fill>
fs::path complete_folder(const fs::path& target, const Fill& fill) {
  if (fs::is_directory(target)) return target;
  const fs::path temporary = target.string() + ".part";
  fs::remove_all(temporary);
  fs::create_directories(temporary);
  fill(temporary);
  fs::rename(temporary, target);
  return target;
}

}  // namespace

void run_program(const std::vector<std::string>& arguments, const fs::path& folder) {
  const std::string shown = fmt::format("{}", fmt::join(arguments, " "));
  std::vector<char*> argv;
  for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  pid_t child = 0;
  const int status = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  require(status == 0, "cannot start '{}': {}; install it or put it on PATH", shown, std::strerror(status));
  int result = 0;
  while (::waitpid(child, &result, 0) < 0)
    require(errno == EINTR, "waiting for '{}': {}", shown, std::strerror(errno));
  require(WIFEXITED(result) && WEXITSTATUS(result) == 0, "'{}' failed in {}; its message is above", shown,
          folder.string());
}

fs::path fetch_npm(const std::string& name, const std::string& version, const fs::path& root) {
  const fs::path folder = complete_folder(root / (folder_name(name) + "-" + version), [&](const fs::path&
                                                                                              part) {
    log::info("fetching {} {}", name, version);
    run_program({"npm", "pack", "--silent", "--ignore-scripts", name + "@" + version}, part);
    const fs::path archive = only_file(part, ".tgz");
    run_program({"tar", "xzf", archive.filename().string(), "--strip-components=1", "--no-same-owner"}, part);
    fs::remove(archive);
  });
  const auto package =
      nlohmann::json::parse(read_text_file(folder / "package.json", std::size_t{1} << 20), nullptr, false);
  require(package.is_object() && package.value("name", "") == name && package.value("version", "") == version,
          "{}: is not {} {}; remove the folder and build again", folder.string(), name, version);
  return folder;
}

fs::path fetch_debian(const std::string& name, const fs::path& root) {
  return complete_folder(root / folder_name(name), [&](const fs::path& part) {
    log::info("fetching the Debian package {}", name);
    run_program({"apt-get", "download", "-qq", name}, part);
    const fs::path archive = only_file(part, ".deb");
    run_program({"dpkg-deb", "--extract", archive.filename().string(), "."}, part);
    run_program({"dpkg-deb", "--control", archive.filename().string(), "DEBIAN"}, part);
    fs::remove(archive);
  });
}

std::string debian_version(const fs::path& unpacked) {
  const std::string control = read_text_file(unpacked / "DEBIAN" / "control", std::size_t{1} << 20);
  constexpr std::string_view kKey = "\nVersion: ";
  const std::size_t at = control.find(kKey);
  require(at != std::string::npos, "{}: the package's control file has no version", unpacked.string());
  const std::size_t begin = at + kKey.size();
  return control.substr(begin, control.find('\n', begin) - begin);
}

}  // namespace san
