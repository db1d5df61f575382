#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "world/pictures.h"

namespace san {

/// Draws an SVG document (UTF-8) and returns its visible part, long side `side` pixels, straight alpha; an
/// empty picture where nothing shows or the renderer gives up. `line` > 0 draws a black line of that width,
/// in units of the document, around every shape.
Picture render_svg(const std::string& document, int side, double line = 0);

/// Up to `count` colours of a picture with alpha, the commonest first, each well apart from those before it,
/// 0xBBGGRR; grey where nothing shows.
std::vector<std::uint32_t> main_colours(const Picture& picture, std::size_t count);

/// How a line drawing is coloured.
struct LineFill {
  std::string under = {};  ///< SVG document below the lines; empty: none
  std::vector<std::uint32_t> inside = {
      0xffffffu};       ///< 0xBBGGRR of the enclosed areas, the largest first, in turn
  double stroke = 0;    ///< width of the strokes, in units of the document; 0: the document's own
  bool around = false;  ///< strokes around every shape, not only those that have one
  int gap = 0;  ///< lines that end within so many 320ths of the picture of each other enclose all the same
};

/// As render_svg, for line drawings: areas that the lines enclose are filled. Where `fill.under` shows, it
/// stays.
Picture render_lines(const std::string& document, const LineFill& fill, int side);

/// Decodes PNG or WEBP with alpha and returns the visible part, long side at most `side` pixels; an empty
/// picture where it cannot be decoded or nothing shows.
Picture decode_rgba(std::span<const std::byte> file, int side);

/// Decodes an OpenEXR panorama to 8 bit (512×256), exposed so that its median is a middle grey. Throws Error.
Picture develop_panorama(std::span<const std::byte> file);

/// Decodes any picture, cuts it to the centred square and scales that to side × side, RGB. Throws Error.
Picture decode_square(std::span<const std::byte> file, int side);

/// Multiplies red, green and blue.
void tint(Picture& picture, const std::array<float, 3>& gain);

/// By a quarter turn; the picture is square.
void turn(Picture& picture);

}  // namespace san
