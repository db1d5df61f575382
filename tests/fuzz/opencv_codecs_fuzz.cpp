// WebP, BMP, TIFF and PNM to RGB and to labels, in this process instead of the helper. JPEG and PNG, which
// OpenCV would read too, have common_formats_fuzz.
#include <iostream>

#include "image/opencv/opencv_codecs.h"
#include "picture_fuzz.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::cerr.rdbuf(nullptr);  // OpenCV prints every exception
  san::opencv::warm_up();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0 && (data[0] == 0x89 || data[0] == 0xff)) return -1;
  san::fuzz::decode_into_memory(data, size, 3, san::opencv::read_rgb);
  san::fuzz::decode_into_memory(data, size, 2, san::opencv::read_labels);
  return 0;
}
