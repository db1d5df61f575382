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
using ::testing::UnorderedElementsAre;

namespace fs = std::filesystem;

std::map<std::string, Room> rooms_of_the_project() {
  const fs::path root = SAN_SOURCE_DIR;
  const std::string build = read_file(root / "src/CMakeLists.txt");
  auto rooms = parse_rooms(build);
  rooms["apps_cli"] = linked_room("apps/cli", read_file(root / "apps/CMakeLists.txt"));
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "apps"))
    if (const fs::path file = entry.path() / "CMakeLists.txt"; fs::exists(file)) {
      const std::string name = entry.path().filename().string();
      rooms["apps_" + name] = linked_room("apps/" + name, read_file(file));
    }
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
    EXPECT_THAT(map, HasSubstr("`" + folder)) << "docs/architecture.md";
  }
}

TEST(IncludeDirection, ArrowsOfTheMapAreThoseOfTheBuild) {
  const std::string map = read_file(fs::path(SAN_SOURCE_DIR) / "docs/architecture.md");
  for (const std::string& problem : wrong_arrows(map, rooms_of_the_project()))
    ADD_FAILURE() << "docs/architecture.md: " << problem;
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

TEST_F(SmallTree, AMapOfTheArrowsPasses) {
  EXPECT_THAT(
      wrong_arrows("side → nothing of a block\n```\n mid/inner → mid\n side → base\n mid → base\n```\n",
                   rooms_),
      IsEmpty());
}

TEST_F(SmallTree, WrongAndMissingAndMisplacedArrowsOfAMapAreNamed) {
  EXPECT_THAT(
      wrong_arrows("```\nmid → base\nmid/inner → mid, side\ngone → base\n```\n", rooms_),
      UnorderedElementsAre("line 3: mid_inner → mid: must stand above the line of mid",
                           "line 3: mid_inner → side: the build has no such arrow",
                           "line 4: gone → base: the build has no such arrow", "side → base is missing"));
}

TEST_F(SmallTree, ProgramsAreReadFromWhatTheyLink) {
  const Room room = linked_room("apps/x",
                                "add_library(san_own x.cpp)\n"
                                "target_link_libraries(san_own PUBLIC san_mid\n"
                                "  san_mid_inner)  # not san_side\n"
                                "target_link_libraries(x san_shared)\n");
  EXPECT_THAT(room.deps, UnorderedElementsAre("libsan", "mid", "mid_inner"));
}

TEST_F(SmallTree, ACycleIsNamed) {
  const auto rooms = parse_rooms("san_module(a DEPS b) san_module(b DEPS a)");
  EXPECT_THAT(wrong_includes(tree_.path(), rooms),
              ElementsAre(HasSubstr("a reaches itself"), HasSubstr("b reaches itself")));
}

}  // namespace
}  // namespace san::testing
