#pragma once

#include <string>
#include <vector>

#include "labels/segmentation_head.h"

namespace san {

/// One look at a picture: cut the window out, resize its short side, mirror it, run the network. The answers
/// of all views of a picture are averaged as class maps (HeadView takes window and mirroring as they stand
/// here).
struct View {
  int short_side = 640, max_side = 2560;
  bool mirrored = false;
  Region window{};  ///< in pixels of the picture; empty: all of it

  friend bool operator==(const View& a, const View& b) {
    return a.short_side == b.short_side && a.max_side == b.max_side && a.mirrored == b.mirrored &&
           a.window.y == b.window.y && a.window.x == b.window.x && a.window.height == b.window.height &&
           a.window.width == b.window.width;
  }
};

struct ViewOptions {
  int short_side = 640, max_side = 2560;
  /// Short sides 320, 480, 640, 800, 960, 1120 with the long side up to 4480, each also mirrored: the
  /// official setting.
  bool augment = false;
  /// Side of square sliding windows in pixels of the picture, overlapping by a third; 0: none. Pictures that
  /// fit into one window are seen whole.
  int window = 0;
};

/// The views of a picture, in the official order (sizes ascending, each plain then mirrored). Throws Error
/// for sizes that are not positive and windows below 32 pixels.
std::vector<View> plan_views(int height, int width, const ViewOptions& options);

/// "short side 640 (at most 2560)", "multi-scale 320-1120 + flip, ...": for reports.
std::string describe(const ViewOptions& options);

}  // namespace san
