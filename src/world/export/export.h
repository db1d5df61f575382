#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "world/samplers.h"

namespace san {

/// The picture files that `san world build` wrote into its folder. Throws Error saying how to get them.
std::vector<std::filesystem::path> built_picture_files(const std::filesystem::path& world);

struct WorldExport {
  std::filesystem::path output;
  std::string split = "train";  ///< "train" (seen concepts), or one of the evaluation splits
  int first = 0,
      count = 100;  ///< scenes [first, first + count) of the split; files are named by these numbers
  int size = 256;
  std::uint64_t seed = 0;  ///< of the "train" split; the evaluation splits have fixed seeds
  int frames = 0;          ///< above 0: clips of so many frames instead of scenes, of the evaluation splits
  bool sheet = true;       ///< writes sheet.png, a contact sheet of the first scenes
  bool quiet = false;
  const std::atomic<bool>* cancelled = nullptr;  ///< ends it before the next scene
};

/// Writes images/NNNNN.png, labels/NNNNN.png (8 or 16 bit, 255 or 65535: ignore), classes.txt and
/// captions.tsv: a folder that every command which takes a dataset understands. Clips are folders NNNNN of
/// their own, with images/ and labels/ numbered by frame. Throws Error and Cancelled.
void export_world(const std::shared_ptr<const World>& world, const WorldExport& options,
                  ThreadPool* pool = nullptr);

}  // namespace san
