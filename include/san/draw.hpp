#pragma once
#include <span>
#include <vector>

#include "san/colors.hpp"
#include "san/error.hpp"
#include "san/image_view.hpp"
#include "san/overlay_options.hpp"
#include "san/segmentation.hpp"

namespace san {

/// The picture people look at, its sizes following the picture's. `colors`: one per class; none:
/// distinct_colors(). Pixels of "other" keep the picture's own grey. Throws Error when picture and result
/// differ in size, or a class lacks its colour.
SAN_API Image draw_overlay(const ImageView& image, const Segmentation& result,
                           std::span<const Rgb> colors = {}, const OverlayOptions& options = {});
/// The same into the picture itself, without a legend: for frames, no picture is made anew.
SAN_API void paint_overlay(Image& image, const Segmentation& result, std::span<const Rgb> colors = {},
                           const OverlayOptions& options = {});

/// The picture and its overlay without a legend side by side, `height` pixels high: a cell of a sheet.
SAN_API Image sheet_cell(const ImageView& image, const Segmentation& result, std::span<const Rgb> colors = {},
                         int height = 256);
/// Cells in rows on a dark ground, each column as wide as its widest. Throws Error when there are none.
SAN_API Image draw_sheet(std::span<const Image> cells, int columns = 2);

}  // namespace san
