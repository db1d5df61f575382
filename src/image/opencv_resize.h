#pragma once
#include "san/image.hpp"

namespace san {

/// Resizes as OpenCV's cv::resize does with INTER_LINEAR on 8 bit pictures, bit for bit: no antialiasing,
/// weights of 11 bits, both sides halved by means of four pixels. Throws Error on an empty image or size.
Image resize_as_opencv(const Image& image, int height, int width);

}  // namespace san
