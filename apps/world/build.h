#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "world/pictures.h"

namespace san {

struct WorldBuild {
  std::filesystem::path folder = "world";  ///< packages, pictures and attribution go here
  std::filesystem::path concepts = "configs/world/concepts.tsv";
  std::filesystem::path photos = "configs/world/tuxpaint-photos.tsv";
  std::filesystem::path clipart = "configs/world/openclipart.tsv";
  std::vector<std::string> styles;  ///< of the training styles, only these; empty: all
  bool tests = true;                ///< the held-out art styles too
  bool debian = false;              ///< photo cut-outs and test backgrounds from Debian packages (210 MB) too
  int side = 96;                    ///< longest side of a sprite, pixels
  int threads = 0;
};

/// Fetches what is missing, renders every sprite once and writes FOLDER/train.pictures, FOLDER/test.pictures
/// and FOLDER/ATTRIBUTION.md. Packages that were fetched before are used again. Throws Error.
void build_world(const WorldBuild& options);

/// The attribution of everything in these files, in Markdown.
std::string attribution(const std::vector<const PictureFile*>& files);

}  // namespace san
