#include "world/export/export.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;

TEST(WorldExport, IsADatasetFolder) {
  const fs::path folder = fs::path(testing::TempDir()) / "world_export";
  fs::remove_all(folder);
  ThreadPool pool(2);
  const auto world = World::load(SAN_SOURCE_DIR "/configs/world/demo.tsv",
                                 {SAN_SOURCE_DIR "/configs/world/pack.pictures"}, &pool);
  WorldExport options;
  options.output = folder / "train";
  options.count = 3;
  options.size = 64;
  export_world(world, options, &pool);
  for (const char* name :
       {"images/00002.png", "labels/00002.png", "classes.txt", "captions.tsv", "sheet.png"})
    EXPECT_TRUE(fs::exists(options.output / name)) << name;
  const std::string classes = read_text_file(options.output / "classes.txt");
  EXPECT_EQ(std::count(classes.begin(), classes.end(), '\n'), 40 + 14);
  const std::string third = read_text_file(options.output / "images/00002.png");
  options.output = folder / "later";
  options.first = 2;
  options.count = 1;
  export_world(world, options, &pool);
  EXPECT_EQ(read_text_file(options.output / "images/00002.png"), third) << "a scene is that of its number";
  EXPECT_FALSE(fs::exists(options.output / "images/00000.png"));
  options.split = "no such split";
  EXPECT_THROW(export_world(world, options, &pool), Error);
  options.split = "train";
  options.output = folder / "ended";
  const std::atomic<bool> cancelled = true;
  options.cancelled = &cancelled;
  EXPECT_THROW(export_world(world, options, &pool), Cancelled);
  EXPECT_FALSE(fs::exists(options.output / "classes.txt"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace san
