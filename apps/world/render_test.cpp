#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "build.h"
#include "fetch.h"
#include "icons.h"
#include "pack.h"
#include "sources.h"
#include "sprite_render.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const fs::path& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  fs::path folder_;
};

std::string svg(const std::string& body) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">" + body + "</svg>";
}

TEST(RenderSvg, CutsToWhatShows) {
  const Picture p = render_svg(svg("<rect x=\"2\" y=\"4\" width=\"12\" height=\"6\" fill=\"#ff8000\"/>"), 96);
  ASSERT_EQ(p.channels, 4);
  EXPECT_EQ(p.width, 96);
  EXPECT_EQ(p.height, 48);
  const std::uint8_t* middle = p.pixels.data() + 4 * (24 * 96 + 48);
  EXPECT_EQ(std::vector<int>(middle, middle + 4), (std::vector<int>{255, 128, 0, 255}));
}

TEST(RenderSvg, KeepsAlphaStraight) {
  const Picture p =
      render_svg(svg("<rect width=\"16\" height=\"16\" fill=\"#fff\" fill-opacity=\"0.5\"/>"), 32);
  ASSERT_FALSE(p.pixels.empty());
  EXPECT_NEAR(p.pixels[3], 128, 1);
  EXPECT_GE(p.pixels[0], 253);
}

TEST(RenderSvg, GivesNothingForNothing) {
  EXPECT_TRUE(render_svg(svg(""), 32).pixels.empty());
  EXPECT_TRUE(render_svg("not an image", 32).pixels.empty());
  EXPECT_TRUE(decode_rgba({}, 32).pixels.empty());
}

std::vector<int> pixel(const Picture& p, int y, int x) {
  const auto* at = p.pixels.data() + 4 * (y * p.width + x);
  return {at, at + 4};
}

constexpr const char* kRing =
    "<circle cx=\"8\" cy=\"8\" r=\"6\" stroke=\"#000\" stroke-width=\"2\" fill=\"none\"/>";

TEST(RenderLines, FillsWhatTheLinesEnclose) {
  const Picture p = render_lines(svg(kRing), {.inside = {0x2040f0u}}, 64);
  ASSERT_EQ(p.width, 64);
  EXPECT_EQ(pixel(p, 32, 32), (std::vector<int>{0xf0, 0x40, 0x20, 255}));
  EXPECT_EQ(pixel(p, 1, 1)[3], 0) << "outside of the ring";
  EXPECT_EQ(pixel(p, 32, 3), (std::vector<int>{0, 0, 0, 255})) << "the line itself";
  const Picture open = render_lines(
      svg("<path d=\"M2 2v12h12V2\" stroke=\"#000\" stroke-width=\"2\" fill=\"none\"/>"), {}, 64);
  EXPECT_EQ(pixel(open, 20, 32)[3], 0) << "an open shape has no inside";
}

TEST(RenderLines, TakeColoursInTurnFromTheLargestAreaOn) {
  // Two closed boxes, the right one larger, 2 units of line around each.
  const std::string boxes =
      svg("<path d=\"M1 1h4v14H1zM7 1h8v14H7z\" stroke=\"#000\" stroke-width=\"2\" fill=\"none\"/>");
  const Picture p = render_lines(boxes, {.inside = {0x0000ffu, 0x00ff00u}}, 64);
  EXPECT_EQ(pixel(p, 32, 44), (std::vector<int>{255, 0, 0, 255})) << "the larger: 0xBBGGRR";
  EXPECT_EQ(pixel(p, 32, 12), (std::vector<int>{0, 255, 0, 255}));
  const Picture one = render_lines(boxes, {.inside = {0x0000ffu}}, 64);
  EXPECT_EQ(pixel(one, 32, 12), (std::vector<int>{255, 0, 0, 255})) << "and from the first again";
}

TEST(RenderLines, CloseGapsUpToTheStatedWidth) {
  // A box of 12 units on a picture of 14 with a gap of 1 unit (20 of 320ths) in its upper side.
  const std::string box =
      svg("<path d=\"M7.5 2H2v12h12V2H8.5\" stroke=\"#000\" stroke-width=\"1\" fill=\"none\"/>");
  EXPECT_EQ(pixel(render_lines(box, {.gap = 6}, 64), 32, 32)[3], 0) << "closes 2 × 6 at most";
  const Picture closed = render_lines(box, {.inside = {0x0000ffu}, .gap = 12}, 64);
  EXPECT_EQ(pixel(closed, 32, 32), (std::vector<int>{255, 0, 0, 255}));
  EXPECT_EQ(pixel(closed, 60, 60)[3], 255) << "the line stays where it was";
}

TEST(RenderLines, ChangeStrokesOrDrawThemAroundShapes) {
  const Picture thin = render_lines(svg(kRing), {.inside = {0x0000ffu}, .stroke = 0.5}, 64);
  EXPECT_EQ(pixel(thin, 32, 6), (std::vector<int>{255, 0, 0, 255})) << "was line before";
  const Picture around = render_lines(svg("<rect x=\"2\" y=\"2\" width=\"12\" height=\"12\" fill=\"#00f\"/>"),
                                      {.stroke = 2, .around = true}, 64);
  EXPECT_EQ(pixel(around, 32, 2), (std::vector<int>{0, 0, 0, 255}));
  EXPECT_EQ(pixel(around, 32, 32), (std::vector<int>{0, 0, 255, 255}));
}

TEST(RenderLines, LieOverTheColouredDrawing) {
  const Picture p =
      render_lines(svg(kRing), {.under = svg("<circle cx=\"8\" cy=\"8\" r=\"3\" fill=\"#0f0\"/>")}, 64);
  EXPECT_EQ(pixel(p, 32, 32), (std::vector<int>{0, 255, 0, 255}));
  EXPECT_EQ(pixel(p, 32, 14), (std::vector<int>{255, 255, 255, 255})) << "between drawing and line";
  EXPECT_TRUE(render_lines("not an image", {}, 64).pixels.empty());
}

TEST(RenderSvg, DrawsALineAroundEveryShape) {
  // A document of 16 units on 64 pixels; the stroke of 2 units reaches 1 unit out and 1 in.
  const std::string shapes =
      svg("<rect x=\"1\" y=\"1\" width=\"14\" height=\"14\" fill=\"#f00\"/>"
          "<circle cx=\"8\" cy=\"8\" r=\"3\" fill=\"#00f\" stroke=\"#0f0\"/>");
  const Picture p = render_svg(shapes, 64, 2);
  ASSERT_EQ(p.width, 64);
  EXPECT_EQ(pixel(p, 2, 32), (std::vector<int>{0, 0, 0, 255})) << "the rim";
  EXPECT_EQ(pixel(p, 14, 32), (std::vector<int>{255, 0, 0, 255})) << "inside of it";
  EXPECT_EQ(pixel(p, 20, 32), (std::vector<int>{0, 0, 0, 255})) << "around the circle, in place of its own";
  EXPECT_EQ(pixel(p, 32, 32), (std::vector<int>{0, 0, 255, 255}));
}

TEST(MainColours, AreTheCommonestOfWhatShows) {
  const Picture p = render_svg(svg("<rect width=\"16\" height=\"16\" fill=\"#f80000\"/><rect width=\"4\" "
                                   "height=\"4\" fill=\"#00f\"/>"),
                               32);
  const auto colours = main_colours(p, 3);
  ASSERT_EQ(colours.size(), 2u) << "shades where the two meet are no colours of their own";
  EXPECT_EQ(colours[0] & 0xf0f0f0u, 0x0000f0u);
  EXPECT_EQ(colours[1] & 0xf0f0f0u, 0xf00000u);
  EXPECT_EQ(main_colours(p, 1).size(), 1u);
  EXPECT_EQ(main_colours({}, 3), (std::vector<std::uint32_t>{0x808080u}));
}

TEST(Textures, AreTintedAndTurned) {
  Picture p;
  p.height = p.width = 2;
  p.channels = 3;
  p.pixels = {10, 10, 10, 20, 20, 20, 30, 30, 30, 200, 200, 200};
  tint(p, {1, 2, 0.5f});
  EXPECT_EQ(std::vector<int>(p.pixels.begin(), p.pixels.begin() + 3), (std::vector<int>{10, 20, 5}));
  EXPECT_EQ(p.pixels[10], 255) << "saturates";
  turn(p);
  EXPECT_EQ(p.pixels[0], 30) << "clockwise: the lower left comes to the upper left";
}

TEST(DataUrl, IsDecoded) {
  EXPECT_EQ(decode_data_url("export default 'data:x/y;base64,SGVsbG8sIHdvcmxkIQ=='"), "Hello, world!");
  EXPECT_THROW(decode_data_url("nothing here"), Error);
}

TEST_F(Folder, IconSetsResolveAliasesAndCheckTheLicence) {
  put("info.json", R"({"license": {"spdx": "MIT"}})");
  put("chars.json", R"({"1f431-fe0f": "cat"})");
  put("icons.json", R"({"icons": {"cat": {"body": "<g/>"}, "wide": {"body": "", "width": 30}},
                        "aliases": {"kitty": {"parent": "puss"}, "puss": {"parent": "cat"}, "loop": {"parent": "loop"}},
                        "width": 20, "height": 10})");
  const IconSet set(folder_, "MIT");
  EXPECT_THAT(set.document("kitty"), HasSubstr("viewBox=\"0 0 20 10\"><g/>"));
  EXPECT_THAT(set.document("wide"), HasSubstr("viewBox=\"0 0 30 10\""));
  EXPECT_THAT(set.document("wide", 0.1), HasSubstr("viewBox=\"-3 -3 36 16\"")) << "room for a line";
  EXPECT_EQ(set.width("wide"), 30);
  EXPECT_EQ(set.width("dog"), 0);
  EXPECT_EQ(set.document("loop"), "");
  EXPECT_EQ(set.document("dog"), "");
  Concept cat;
  cat.emoji = {"1f431", "1f408"};
  EXPECT_EQ(icons_of(cat, {}, set, false), (std::vector<std::string>{"cat"}));
  put("icons.json",
      R"({"icons": {"polar-bear": {"body": ""}, "bear-face-2": {"body": ""}, "bears": {"body": ""}}})");
  Concept bear;
  bear.name = "Polar bear";
  bear.synonyms = {"bear"};
  EXPECT_EQ(icons_called(bear, {}, IconSet(folder_, "MIT")),
            (std::vector<std::string>{"polar-bear", "bear-face-2"}));
  put("icons.json", R"({"icons": {"bear": {"body": ""}, "bear-01-line": {"body": ""}}})");
  EXPECT_EQ(icons_called(bear, {}, IconSet(folder_, "MIT"), "-line"),
            (std::vector<std::string>{"bear-01-line"}));
  try {
    IconSet(folder_, "Apache-2.0");
    FAIL() << "another licence was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("MIT"));
  }
}

TEST_F(Folder, ProgramsThatFailAreReported) {
  EXPECT_NO_THROW(run_program({"true"}, folder_));
  EXPECT_THROW(run_program({"false"}, folder_), Error);
  EXPECT_THROW(run_program({"no-such-program-anywhere"}, folder_), Error);
}

TEST_F(Folder, FetchedPackagesAreUsedAgainAndChecked) {
  put("x-y-1.0/package.json", R"({"name": "@x/y", "version": "1.0"})");
  EXPECT_EQ(fetch_npm("@x/y", "1.0", folder_), folder_ / "x-y-1.0");
  put("x-z-1.0/package.json", R"({"name": "@x/other", "version": "1.0"})");
  EXPECT_THROW(fetch_npm("@x/z", "1.0", folder_), Error);
  EXPECT_THROW(fetch_npm("../..", "1.0", folder_), Error);
}

TEST(Sources, TrainOnFreeLicencesOnly) {
  for (const auto& source : source_packages()) {
    const bool free = source.licence == "Apache-2.0" || source.licence == "MIT" ||
                      source.licence == "CC-BY-4.0" || source.licence == "CC0-1.0" ||
                      source.licence == "public domain";
    EXPECT_TRUE(free || !trains(source.role)) << source.style;
  }
}

PictureFile shipped() {
  return read_pictures(SAN_SOURCE_DIR "/configs/world/pack.pictures");
}

TEST(Pack, TakesOneSpritePerConceptAndStyle) {
  const PictureFile pack = select_pack(shipped(), {"cat", "pizza"}, {"noto"}, {"dawn"});
  EXPECT_EQ(pack.pictures.size(), 3u + 2u) << "two sprites, a panorama, two textures";
  EXPECT_EQ(pack.sources.size(), 3u);
  EXPECT_THROW(select_pack(shipped(), {"no such thing"}, {"noto"}, {}), Error);
  PictureFile forbidden = shipped();
  for (auto& source : forbidden.sources) source.role = Role::kHeldOutStyle;
  EXPECT_THROW(select_pack(forbidden, {"cat"}, {"noto"}, {}), Error);
}

TEST(Attribution, NamesEverySource) {
  const PictureFile file = shipped();
  const std::string text = attribution({&file});
  for (const auto& source : file.sources) {
    EXPECT_THAT(text, HasSubstr(source.package));
    EXPECT_THAT(text, HasSubstr(source.licence));
  }
  // What lies beside the pack is what would be generated for it.
  EXPECT_EQ(read_text_file(SAN_SOURCE_DIR "/configs/world/ATTRIBUTION.md"), text);
}

}  // namespace
}  // namespace san
