#pragma once
#include <vector>

#include "base/thread_pool.h"
#include "world/raster.h"

namespace san {

/// Painted looks of the stuff classes: textures[class][variant], tiles of 256×256 that wrap in both
/// directions (skies 256×512, wrapping sideways only, top row = zenith). A pure function of nothing: the same
/// on every machine.
struct StuffTextures {
  static constexpr int kVariants = 10;
  std::vector<std::vector<Pyramid>> textures;
};
StuffTextures paint_stuff(ThreadPool* pool = nullptr);

/// One tile as a picture; `stuff` indexes stuff_classes().
Image paint_stuff_tile(int stuff, int variant);

}  // namespace san
