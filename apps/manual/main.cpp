// san-manual VERSION FOLDER TABLE...: manual pages and completions of a program and its companions, from what
// each prints at --dump-options. The build runs it; it is not installed.
#include <fmt/format.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"
#include "completion.h"
#include "man_page.h"

namespace {

namespace fs = std::filesystem;
using namespace san;
using namespace san::manual;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  write_file_atomically(file, text);
}

}  // namespace

int main(int argc, char** argv) try {
  require(argc >= 4, "usage: san-manual VERSION FOLDER TABLE...");
  const fs::path folder = argv[2];
  std::vector<Command> tables;
  for (int i = 3; i < argc; ++i) tables.push_back(parse_table(read_text_file(argv[i]), argv[i]));
  const Command root = merge(std::move(tables));
  for (const Command* c : all_commands(root))
    write(folder / "man1" / fmt::format("{}.1", c->page()), man_page(*c, root, argv[1]));
  write(folder / "bash" / root.name(), bash_completion(root));
  write(folder / "zsh" / fmt::format("_{}", root.name()), zsh_completion(root));
  write(folder / "fish" / fmt::format("{}.fish", root.name()), fish_completion(root));
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "error: {}\n", e.what());
  return 2;
}
