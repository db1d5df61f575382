#include "world/export/export.h"

#include <algorithm>
#include <functional>
#include <mutex>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "draw/contact_sheet.h"
#include "draw/overlay.h"
#include "image/codec/encode.h"
#include "san/colors.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;
constexpr int kSheetScenes = 16, kSheetColumns = 2;

// 8 bit where the classes and 255 for "ignore" fit.
void write_scene_labels(LabelMap labels, bool wide, const fs::path& path) {
  for (Label& label : labels.labels) label = std::min<Label>(label, wide ? kNoLabel16 : 255);
  write_labels(path, labels);
}

/// Scenes beside their labels, painted and named, captions below.
Image scene_sheet(const std::vector<LabelledScene>& scenes, const std::vector<std::string>& names) {
  const std::vector<Rgb> colors = distinct_colors(names.size());
  std::vector<Image> cells;
  for (const LabelledScene& scene : scenes)
    cells.push_back(captioned(
        beside(scene.image, draw_overlay(scene.image, scene.labels, names, colors, {.legend = false})),
        scene.caption));
  return contact_sheet(cells, {.columns = kSheetColumns, .cell_height = cells.at(0).height});
}

}  // namespace

std::vector<fs::path> built_picture_files(const fs::path& world) {
  std::vector<fs::path> files;
  for (const char* name : {"train.pictures", "test.pictures"})
    if (fs::exists(world / name)) files.push_back(world / name);
  require(!files.empty(),
          "{}: no pictures of the demo world; run `san world build`, or give `san world render` --pictures "
          "configs/world/pack.pictures",
          world.string());
  return files;
}

namespace {

/// Clips [first, first + count) as folders of numbered pictures.
void export_clips(const std::shared_ptr<const World>& world, const WorldExport& options, ThreadPool* pool) {
  require(options.split != "train", "clips are rendered of the evaluation splits, such as --split mixed");
  const EvalScenes scenes(world, parse_eval_split(options.split), options.size,
                          options.first + options.count);
  const bool wide = scenes.class_names().size() >= 255;
  Progress progress("render", std::int64_t{options.count} * options.frames, options.quiet);
  std::mutex progress_mutex;
  const auto make = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      const fs::path folder = options.output / fmt::format("{:05}", options.first + i);
      fs::create_directories(folder / "images");
      fs::create_directories(folder / "labels");
      const SceneClip clip = scenes.clip(options.first + i, options.frames);
      for (int t = 0; t < options.frames; ++t) {
        if (options.cancelled && *options.cancelled) throw Cancelled("rendering clips: interrupted");
        const Scene scene = clip.frame(t);
        const std::string file = fmt::format("{:05}.png", t);
        write_png(folder / "images" / file, scene.image);
        write_scene_labels(scene.labels, wide, folder / "labels" / file);
        const std::lock_guard lock(progress_mutex);
        progress.advance();
      }
    }
  };
  if (pool)
    pool->parallel_for(options.count, 1, make);
  else
    make(0, options.count);
  progress.finish();
  write_file_atomically(options.output / "classes.txt",
                        fmt::format("{}\n", fmt::join(scenes.class_names(), "\n")));
}

}  // namespace

void export_world(const std::shared_ptr<const World>& world, const WorldExport& options, ThreadPool* pool) {
  require(options.count > 0 && options.count <= 1000000, "{} scenes: 1 to 1000000 are possible",
          options.count);
  require(options.first >= 0 && options.first <= 1000000, "first scene {}: 0 to 1000000 are possible",
          options.first);
  require(options.frames >= 0 && options.frames <= 100000, "clips of {} frames: 1 to 100000 are possible",
          options.frames);
  if (options.frames > 0) {
    export_clips(world, options, pool);
    return;
  }
  std::function<LabelledScene(int)> scene_of;
  std::vector<std::string> names;
  if (options.split == "train") {
    SceneOptions scenes;
    scenes.height = scenes.width = options.size;
    auto sampler = std::make_shared<SceneSampler>(world, scenes, options.seed);
    names = sampler->class_names();
    scene_of = [sampler](int i) { return sampler->scene(static_cast<std::uint64_t>(i)); };
  } else {
    auto set = std::make_shared<EvalScenes>(world, parse_eval_split(options.split), options.size,
                                            options.first + options.count);
    names = set->class_names();
    scene_of = [set](int i) { return set->scene(i); };
  }
  const fs::path images = options.output / "images", labels = options.output / "labels";
  fs::create_directories(images);
  fs::create_directories(labels);
  const bool wide = names.size() >= 255;
  std::vector<std::string> captions(static_cast<std::size_t>(options.count));
  std::vector<LabelledScene> shown(
      static_cast<std::size_t>(std::min(options.count, options.sheet ? kSheetScenes : 0)));
  Progress progress("render", options.count, options.quiet);
  std::mutex progress_mutex;
  const auto make = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      if (options.cancelled && *options.cancelled) throw Cancelled("rendering scenes: interrupted");
      const int number = options.first + static_cast<int>(i);
      LabelledScene scene = scene_of(number);
      const std::string file = fmt::format("{:05}.png", number);
      write_png(images / file, scene.image);
      write_scene_labels(scene.labels, wide, labels / file);
      captions[i] = fmt::format("{}\t{}\n", file, scene.caption);
      if (i < shown.size()) shown[i] = std::move(scene);
      const std::lock_guard lock(progress_mutex);
      progress.advance();
    }
  };
  if (pool)
    pool->parallel_for(options.count, 4, make);
  else
    make(0, options.count);
  progress.finish();
  std::string all;
  for (const auto& line : captions) all += line;
  write_file_atomically(options.output / "captions.tsv", "file\tcaption\n" + all);
  write_file_atomically(options.output / "classes.txt", fmt::format("{}\n", fmt::join(names, "\n")));
  if (!shown.empty()) write_png(options.output / "sheet.png", scene_sheet(shown, names));
}

}  // namespace san
