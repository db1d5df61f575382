// Run lengths of COCO masks. Input: height, width and label (one byte each), then the compressed counts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "san/masks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const int height = data[0], width = data[1];
  const san::Label label = data[2];
  try {
    const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
    const san::Rle rle{height, width, san::rle_counts_from_string(text)};
    const auto mask = san::decode_rle(rle);
    san::LabelMap map(height, width, 0);
    san::paint_rle(rle, label, map);
    // What was decoded, encoded again, is the same mask.
    if (san::decode_rle(san::encode_rle(mask, height, width)) != mask) std::abort();
    for (std::size_t i = 0; i < mask.size(); ++i)
      if ((mask[i] != 0 ? label : 0u) != map.labels[i]) std::abort();
  } catch (const san::Error&) {
  }
  return 0;
}
