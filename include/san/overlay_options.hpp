#pragma once

namespace san {

struct OverlayOptions {
  float opacity = 0.5f;  ///< of the class colours over the picture, 0 … 1
  bool contours = true;
  bool names = true;   ///< class names on large regions
  bool legend = true;  ///< a panel to the right: colour, name and share of the area, the largest class first
};

}  // namespace san
