#include <cstdlib>

#include "cli_fixture.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

class WorldCommand : public Cli {};

TEST_F(WorldCommand, BuildsFromAFolderThatHasNoLists) {
  fs::create_directory(folder_ / "bin");
  fs::create_directory(folder_ / "empty");
  write_file(folder_ / "bin/npm", "#!/bin/sh\nexit 1\n");
  fs::permissions(folder_ / "bin/npm", fs::perms::owner_all);
  ProcessOptions options;
  options.folder = folder_ / "empty";
  options.environment = {{"PATH", (folder_ / "bin").string() + ":" + std::getenv("PATH")}};
  expect_error(run_process({SAN_PROGRAM, "world", "build"}, options), 2, "'npm pack ");
}

}  // namespace
}  // namespace san::testing
