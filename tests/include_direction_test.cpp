#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "support/arrows.h"
#include "support/files.h"

namespace san::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

namespace fs = std::filesystem;

// Rooms that no san_module() declares, from the names of the targets they link.
Room linked_room(const std::string& folder, const std::string& cmake) {
  Room room{folder, {}, {}};
  static const std::regex kTarget(R"(\bsan_([a-z_]+)\b)");
  for (std::sregex_iterator it(cmake.begin(), cmake.end(), kTarget), end; it != end; ++it)
    room.deps.insert((*it)[1].str());
  return room;
}

std::map<std::string, Room> rooms_of_the_project() {
  const fs::path root = SAN_SOURCE_DIR;
  const std::string build = read_file(root / "src/CMakeLists.txt");
  auto rooms = parse_rooms(build);
  rooms["apps"] = linked_room("apps", read_file(root / "apps/CMakeLists.txt"));
  rooms["apps_decode"] = linked_room("apps/decode", read_file(root / "apps/decode/CMakeLists.txt"));
  rooms["apps_export"] = linked_room("apps/export", read_file(root / "apps/export/CMakeLists.txt"));
  rooms["apps_pull"] = linked_room("apps/pull", read_file(root / "apps/pull/CMakeLists.txt"));
  rooms["apps_serve"] = linked_room("apps/serve", read_file(root / "apps/serve/CMakeLists.txt"));
  rooms["apps_video"] = linked_room("apps/video", read_file(root / "apps/video/CMakeLists.txt"));
  rooms["apps_world"] = linked_room("apps/world", read_file(root / "apps/world/CMakeLists.txt"));
  return rooms;
}

TEST(IncludeDirection, EveryIncludeFollowsTheArrows) {
  const auto rooms = rooms_of_the_project();
  ASSERT_GE(rooms.size(), 20u) << "the build file could not be read";
  for (const std::string& problem : wrong_includes(SAN_SOURCE_DIR, rooms)) ADD_FAILURE() << problem;
}

TEST(IncludeDirection, EveryRoomIsOnTheMap) {
  const std::string map = read_file(fs::path(SAN_SOURCE_DIR) / "docs/architecture.md");
  for (const auto& [name, room] : rooms_of_the_project()) {
    const std::string folder = name.starts_with("apps") ? room.folder : "src/" + room.folder;
    EXPECT_THAT(map, HasSubstr(folder == "apps" ? "`apps/cli`" : "`" + folder)) << "docs/architecture.md";
  }
}

TEST(IncludeDirection, NothingOfTheHouseReachesTheApplications) {
  for (const auto& [name, room] : rooms_of_the_project())
    if (!name.starts_with("apps")) {
      EXPECT_TRUE(std::ranges::none_of(room.deps, [](const auto& dep) { return dep.starts_with("apps"); }))
          << name;
    }
}

TEST(IncludeDirection, InferenceDoesNotReachTraining) {
  const auto rooms = rooms_of_the_project();
  const auto used = reachable(rooms, {"api"});
  for (const char* name : {"train", "backend_torch", "data", "world", "eval", "image_opencv", "hub_fetch"})
    EXPECT_FALSE(used.contains(name)) << "libsan reaches " << name;
}

class SmallTree : public ::testing::Test {
 protected:
  void add(const std::string& file, const std::string& text) {
    fs::create_directories((tree_ / file).parent_path());
    write_file(tree_ / file, text);
  }
  TemporaryFolder tree_;
  const std::map<std::string, Room> rooms_ = parse_rooms(R"(
    san_module(base LIBS x)  # comment (with brackets)
    san_module(mid WHOLE DEPS base PRIVATE_LIBS y TEST_DEPS side)
    san_module(mid/inner DEPS mid)
    san_module(side
               WHOLE_DEPS base LIBS z))");
};

TEST_F(SmallTree, BuildFileIsUnderstood) {
  ASSERT_EQ(rooms_.size(), 4u);
  EXPECT_THAT(rooms_.at("mid").deps, ElementsAre("base"));
  EXPECT_THAT(rooms_.at("side").deps, ElementsAre("base"));
  EXPECT_THAT(rooms_.at("mid").test_deps, ElementsAre("side"));
  EXPECT_THAT(reachable(rooms_, {"mid_inner"}), ElementsAre("base", "mid", "mid_inner"));
}

TEST_F(SmallTree, IncludesAlongTheArrowsPass) {
  add("src/base/a.h", "#include <vector>\n");
  add("src/side/s.h", "#include \"base/a.h\"\n");
  add("src/mid/m.h", "#include \"base/a.h\"\n#include \"embedded/file.h\"\n");
  add("src/mid/m_test.cpp", "#include \"side/s.h\"\n#include \"m.h\"\n");
  add("src/mid/inner/i.cpp", "#include \"mid/m.h\"\n");
  EXPECT_THAT(wrong_includes(tree_.path(), rooms_), IsEmpty());
}

TEST_F(SmallTree, IncludesAgainstTheArrowsAreNamedByLine) {
  add("src/base/a.h", "#pragma once\n#include \"mid/m.h\"\n");
  add("src/mid/m.h", "#include \"side/s.h\"\n");
  add("src/side/s.h", "");
  EXPECT_THAT(wrong_includes(tree_.path(), rooms_),
              ElementsAre(AllOf(StartsWith("src/base/a.h:2: "), HasSubstr("from base to mid")),
                          AllOf(StartsWith("src/mid/m.h:1: "), HasSubstr("from mid to side"))));
}

TEST_F(SmallTree, MissingAndMisplacedAndForeignFilesAreNamed) {
  add("include/san/san.hpp", "#include \"base/a.h\"\n");
  add("src/base/a.h", "#include \"base/none.h\"\n#include <torch/torch.h>\n");
  add("src/nowhere/n.cpp", "#include \"base/a.h\"\n");
  EXPECT_THAT(wrong_includes(tree_.path(), rooms_),
              ElementsAre(StartsWith("include/san/san.hpp:1: "), HasSubstr("no such file"),
                          HasSubstr("must build without"), HasSubstr("no san_module")));
}

TEST_F(SmallTree, ACycleIsNamed) {
  const auto rooms = parse_rooms("san_module(a DEPS b) san_module(b DEPS a)");
  EXPECT_THAT(wrong_includes(tree_.path(), rooms),
              ElementsAre(HasSubstr("a reaches itself"), HasSubstr("b reaches itself")));
}

}  // namespace
}  // namespace san::testing
