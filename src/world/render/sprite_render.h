#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "world/pictures.h"

namespace san {

/// Draws an SVG document (UTF-8) and returns its visible part, long side `side` pixels, straight alpha; an
/// empty picture where nothing shows or the renderer gives up. `line` > 0 draws a black line of that width,
/// in units of the document, around every shape.
Picture render_svg(const std::string& document, int side, double line = 0);

/// The commonest colour of a picture with alpha, 0xBBGGRR; grey where nothing shows.
std::uint32_t main_colour(const Picture& picture);

/// As render_svg, for line drawings: over the document `under` if that is not empty, and with `inside`
/// (0xBBGGRR) wherever the lines enclose nothing.
Picture render_lines(const std::string& document, const std::string& under, std::uint32_t inside, int side);

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
