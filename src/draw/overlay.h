#pragma once
#include <span>
#include <string>

#include "san/colors.hpp"
#include "san/image.hpp"
#include "san/overlay_options.hpp"

namespace san {

/// A greyish picture under the colours of its labels 0, 1, …; pixels with a larger one (other, ignored) are
/// its own grey alone. Throws Error when picture and labels differ in size.
Image painted(const Image& image, const LabelMap& labels, std::span<const Rgb> colors, float opacity = 0.5f);

/// The picture people look at. `names` and `colors` are those of the labels 0, 1, …; pixels with a larger
/// label (other, ignored) keep the picture's own grey and are listed as "other". All sizes follow the
/// picture's. Throws Error when picture and labels differ in size or a name lacks its colour.
Image draw_overlay(Image image, const LabelMap& labels, std::span<const std::string> names,
                   std::span<const Rgb> colors, const OverlayOptions& options = {});
/// The same into the picture itself, without a legend.
void paint_overlay(Image& image, const LabelMap& labels, std::span<const std::string> names,
                   std::span<const Rgb> colors, const OverlayOptions& options = {});

}  // namespace san
