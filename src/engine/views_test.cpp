#include "engine/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace san {
namespace {

using ::testing::HasSubstr;

TEST(Views, OfficialAugmentation) {
  const auto plain = plan_views(480, 640, {});
  ASSERT_EQ(plain.size(), 1u);
  EXPECT_EQ(plain[0], View{});
  const auto views = plan_views(480, 640, {.augment = true});
  ASSERT_EQ(views.size(), 12u);
  EXPECT_EQ(views[0], (View{320, 4480, false, {}}));
  EXPECT_EQ(views[11], (View{1120, 4480, true, {}}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(views[2 * i].short_side, 320 + 160 * static_cast<int>(i));
}

TEST(Views, AugmentationIsInProportionToTheInput) {
  const ViewOptions options{.short_side = 256, .max_side = 1024, .augment = true};
  const auto views = plan_views(480, 640, options);
  ASSERT_EQ(views.size(), 12u);
  EXPECT_EQ(views[0], (View{128, 1792, false, {}}));
  EXPECT_EQ(views[11], (View{448, 1792, true, {}}));
  EXPECT_EQ(describe(options),
            "short side 256, at most 1024, times 0.5, 0.75, 1, 1.25, 1.5, 1.75, mirrored too");
}

TEST(Views, SizesAreTimesTheInputs) {
  const ViewOptions options{.short_side = 256, .max_side = 1024, .sizes = {0.75, 1.25}, .mirrored = true};
  const auto views = plan_views(480, 640, options);
  ASSERT_EQ(views.size(), 4u);
  EXPECT_EQ(views[0], (View{192, 768, false, {}}));
  EXPECT_EQ(views[1], (View{192, 768, true, {}}));
  EXPECT_EQ(views[3], (View{320, 1280, true, {}}));
  EXPECT_EQ(plan_views(480, 640, {.mirrored = true}).size(), 2u);
  EXPECT_EQ(describe(options), "short side 256, at most 1024, times 0.75, 1.25, mirrored too");
  EXPECT_THROW(plan_views(480, 640, {.sizes = {0}}), Error);
  EXPECT_THROW(plan_views(480, 640, {.sizes = {1e9}}), Error);
}

TEST(Views, WindowsCoverEveryPixelAndOverlap) {
  for (const auto& [h, w] : {std::pair{1000, 2345}, {640, 641}, {300, 5000}}) {
    std::vector<int> seen(static_cast<std::size_t>(h * w));
    for (const View& view : plan_views(h, w, {.window = 640}))
      for (int y = view.window.y; y < view.window.y + view.window.height; ++y)
        for (int x = view.window.x; x < view.window.x + view.window.width; ++x)
          ++seen.at(static_cast<std::size_t>(y * w + x));
    EXPECT_EQ(std::ranges::count(seen, 0), 0);
  }
  EXPECT_EQ(plan_views(640, 640, {.window = 640}).front().window.width, 0) << "fits: seen whole";
  EXPECT_THROW(plan_views(640, 640, {.window = 5}), Error);
  EXPECT_THROW(plan_views(0, 640, {}), Error);
}

TEST(Views, TilesCoverEveryPixelAndShareWhatWasAskedFor) {
  for (const auto& [h, w, overlap] :
       {std::tuple{1000, 2345, 160}, {640, 641, 320}, {300, 5000, 0}, {1281, 700, 100}}) {
    const TileGrid grid(h, w, {.side = 640, .overlap = overlap});
    std::vector<double> weight(static_cast<std::size_t>(h) * static_cast<std::size_t>(w));
    for (std::size_t row = 0; row < grid.ys.size(); ++row)
      for (std::size_t column = 0; column < grid.xs.size(); ++column) {
        const Region tile = grid.tile(row, column);
        const Ramps ramps = grid.ramps(row, column);
        EXPECT_EQ(tile.height, std::min(h, 640));
        EXPECT_EQ(tile.width, std::min(w, 640));
        EXPECT_LE(tile.y + tile.height, h);
        EXPECT_LE(tile.x + tile.width, w);
        if (column > 0) {
          EXPECT_GE(ramps.left, overlap);
        }
        if (column > 0) {
          EXPECT_EQ(ramps.left, grid.ramps(row, column - 1).right);
        }
        if (row > 0) {
          EXPECT_GE(ramps.top, overlap);
        }
        for (int y = tile.y; y < tile.y + tile.height; ++y)
          for (int x = tile.x; x < tile.x + tile.width; ++x) ++weight.at(static_cast<std::size_t>(y * w + x));
      }
    EXPECT_EQ(std::ranges::count(weight, 0), 0);
    EXPECT_EQ(grid.ramps(0, 0).left, 0) << "the picture's edge has no neighbour";
    EXPECT_EQ(grid.ramps(grid.ys.size() - 1, grid.xs.size() - 1).right, 0);
  }
}

TEST(Views, TilesInsteadOfWindows) {
  const ViewOptions options{.tiles = {.side = 256, .overlap = 64}};
  const auto views = plan_views(400, 256, options);
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0], (View{640, 2560, false, {0, 0, 256, 256}, {0, 112, 0, 0}}));
  EXPECT_EQ(views[1], (View{640, 2560, false, {144, 0, 256, 256}, {112, 0, 0, 0}}));
  EXPECT_EQ(plan_views(256, 200, options), std::vector<View>{View{}}) << "fits: seen whole";
  EXPECT_EQ(plan_views(400, 256, {.augment = true, .tiles = {.side = 256, .overlap = 64}}).size(), 24u);
  EXPECT_THROW(plan_views(400, 400, {.window = 64, .tiles = {.side = 64, .overlap = 0}}), Error);
  EXPECT_THROW(plan_views(400, 400, {.tiles = {.side = 16, .overlap = 0}}), Error);
  EXPECT_THROW(plan_views(400, 400, {.tiles = {.side = 64, .overlap = 33}}), Error);
  EXPECT_THROW(plan_views(400, 400, {.tiles = {.side = 64, .overlap = -1}}), Error);
  EXPECT_THAT(describe(options), HasSubstr("tiles of 256 overlapping by 64"));
}

}  // namespace
}  // namespace san
