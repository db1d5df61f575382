#pragma once
#include <span>
#include <string>

#include "san/image.hpp"

namespace san {

struct SheetOptions {
  int columns = 2;
  int cell_height = 256;  ///< pixels; pictures are scaled to it, keeping their shape
  int gap = 8;            ///< between cells and around
};

/// Pictures in rows on a dark ground, each column as wide as its widest picture. Throws Error when there are
/// none.
Image contact_sheet(std::span<const Image> pictures, const SheetOptions& options);

/// The picture with a line of text below it, shortened to its width.
Image captioned(const Image& picture, const std::string& text);

/// Two pictures of one height side by side.
Image beside(const Image& left, const Image& right);

}  // namespace san
