#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "world/samplers.h"

namespace san {

struct WorldExport {
  std::filesystem::path output;
  std::string split = "train";  ///< "train" (seen concepts), or one of the evaluation splits
  int first = 0,
      count = 100;  ///< scenes [first, first + count) of the split; files are named by these numbers
  int size = 256;
  std::uint64_t seed = 0;  ///< of the "train" split; the evaluation splits have fixed seeds
  bool sheet = true;       ///< writes sheet.png, a contact sheet of the first scenes
};

/// Writes images/NNNNN.png, labels/NNNNN.png (8 or 16 bit, 255 or 65535: ignore), classes.txt and
/// captions.tsv: a folder that every command which takes a dataset understands. Throws Error.
void export_world(const std::shared_ptr<const World>& world, const WorldExport& options,
                  ThreadPool* pool = nullptr);

/// Scenes beside their labels, painted and named, captions below.
Image scene_sheet(const std::vector<LabelledScene>& scenes, const std::vector<std::string>& class_names,
                  int columns);
/// Pictures of one size with a line of text below each.
Image picture_sheet(const std::vector<Image>& pictures, const std::vector<std::string>& texts, int columns);
void write_png(const Image& image, const std::filesystem::path& path);

}  // namespace san
