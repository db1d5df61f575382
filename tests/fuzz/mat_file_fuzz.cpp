// The MATLAB reader: any bytes end in a label map or one Error.
#include "prepare/mat_file.h"

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)san::parse_mat_label_map(std::as_bytes(std::span(data, size)), "LabelMap", "fuzz");
  } catch (const san::Error&) {
  }
  return 0;
}
