// PNG and JPEG to RGB and to labels.
#include "image/codec/common_formats.h"
#include "picture_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto task : {san::sandbox::Task::kRgb, san::sandbox::Task::kLabels})
    san::fuzz::decode_into_memory(data, size, san::sandbox::pixel_bytes(task), [&](auto&&... arguments) {
      san::decode_common_format(task, arguments...);
    });
  return 0;
}
