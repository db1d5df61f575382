#pragma once

#include <string>
#include <vector>

#include "labels/segmentation_head.h"

namespace san {

/// One look at a picture: cut the window out, resize its short side, mirror it, run the network. The answers
/// of all views of a picture are averaged as class maps (HeadView takes window, mirroring and ramps as they
/// stand here).
struct View {
  int short_side = 640, max_side = 2560;
  bool mirrored = false;
  Region window{};  ///< in pixels of the picture; empty: all of it
  Ramps ramps{};    ///< towards the neighbours of a tile

  friend bool operator==(const View& a, const View& b) {
    return a.short_side == b.short_side && a.max_side == b.max_side && a.mirrored == b.mirrored &&
           a.window.y == b.window.y && a.window.x == b.window.x && a.window.height == b.window.height &&
           a.window.width == b.window.width && a.ramps == b.ramps;
  }
};

/// Square tiles of `side` pixels of the picture. Neighbours share at least `overlap` pixels, over which one
/// fades into the other; the picture's ends are met by moving tiles closer, never by smaller ones. 0: none.
struct Tiling {
  int side = 0, overlap = 0;
};

struct ViewOptions {
  int short_side = 640, max_side = 2560;
  /// Looks at 0.5, 0.75, 1, 1.25, 1.5 and 1.75 times short_side and at most 1.75 times max_side, each also
  /// mirrored. With a short side of 640 and at most 2560 that is the official setting: 320 to 1120, with the
  /// long side up to 4480.
  bool augment = false;
  /// Otherwise: looks at so many times short_side and max_side; empty: at these alone.
  std::vector<double> sizes{};
  bool mirrored = false;  ///< each look mirrored too
  /// Side of square sliding windows in pixels of the picture, overlapping by a third, averaged with equal
  /// weights; 0: none. Pictures that fit into one window are seen whole.
  int window = 0;
  /// Instead of windows. A picture that fits into one tile is seen whole.
  Tiling tiles{};
};

/// Where the tiles of a picture lie: rows and columns of them, those at the picture's ends as long as it at
/// most.
struct TileGrid {
  int height = 0, width = 0;  ///< of the picture
  int tile_height = 0, tile_width = 0;
  std::vector<int> ys, xs;  ///< where they begin

  /// Throws Error for sizes that are not positive, a side below 32 and an overlap outside 0 … side / 2.
  TileGrid(int picture_height, int picture_width, const Tiling& tiles);
  Region tile(std::size_t row, std::size_t column) const;
  /// As wide as it overlaps its neighbours.
  Ramps ramps(std::size_t row, std::size_t column) const;
};

/// The views of a picture, in the official order (sizes ascending, each plain then mirrored). Throws Error
/// for sizes that are not positive, windows below 32 pixels, what TileGrid refuses, and windows with tiles.
std::vector<View> plan_views(int height, int width, const ViewOptions& options);

/// The looks at one window (empty: the whole picture), in the official order.
std::vector<View> looks_at(const Region& window, const Ramps& ramps, const ViewOptions& options);

/// "short side 640, at most 2560, times 0.75, 1.25, mirrored too": for reports.
std::string describe(const ViewOptions& options);

}  // namespace san
