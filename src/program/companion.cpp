#include "program/companion.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace san {

namespace fs = std::filesystem;

fs::path program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

void become_companion(const std::string& name, std::vector<std::string> arguments, const std::string& why) {
  const fs::path program = program_folder() / name;
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  fail("{}: cannot run: {}; {}", program.string(), std::strerror(errno), why);
}

fs::path world_file(const fs::path& path) {
  std::error_code error;
  if (path.empty() || fs::exists(path, error)) return path;
  const fs::path shipped = program_folder().parent_path() / "share/san/world" / path.filename();
  return fs::exists(shipped, error) ? shipped : path;
}

}  // namespace san
