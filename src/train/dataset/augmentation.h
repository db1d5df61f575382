#pragma once
#include <optional>
#include <vector>

#include "base/random.h"
#include "image/resize.h"
#include "san/image.hpp"

namespace san {

/// The official training augmentation: resize, crop, SSD colour jitter, flip, pad.
struct AugmentationOptions {
  std::vector<int> min_size{320, 384, 448, 512, 576, 640,
                            704, 768, 832, 896, 960};  ///< of the short side, drawn
  int max_size = 2560;
  int crop = 640;  ///< side of the square that results
  bool color_jitter = true, flip = true;
};

/// What was drawn for one sample.
struct Augmentation {
  Size resized;
  int top = 0, left = 0;                      ///< of the crop
  std::optional<float> brightness;            ///< added
  std::optional<float> contrast, saturation;  ///< factors
  std::optional<int> hue;                     ///< added, in steps of two degrees
  bool contrast_first = false;
  bool flip = false;
};
Augmentation draw_augmentation(const AugmentationOptions& options, Size image, Rng rng);

/// Writes crop·crop·3 bytes and crop·crop labels; beyond the picture 128 and `padding_label`.
/// Pictures resize as Pillow's bilinear, labels as torch's nearest. Throws Error when sizes of picture and
/// labels differ.
void augment(const Augmentation& a, const Image& image, const LabelMap& labels, int crop, Label padding_label,
             std::uint8_t* rgb_out, Label* labels_out);

/// SSD's colour jitter in place: 8 bit after every step, hue and saturation through OpenCV's 8-bit HSV.
void jitter_colors(const Augmentation& a, Image& image);

}  // namespace san
