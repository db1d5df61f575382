// The MATLAB reader: any bytes end in a label map or one Error.
#include "base/error.h"
#include "prepare/mat_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)san::parse_mat_label_map(std::as_bytes(std::span(data, size)), "LabelMap", "fuzz");
  } catch (const san::Error&) {
  }
  return 0;
}
