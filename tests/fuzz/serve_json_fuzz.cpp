// Bodies of the service's requests. Input: which reader (one byte), then the body; Open Inference's begins
// with the length of its JSON (one byte).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "serve/cvat.h"
#include "serve/label_studio.h"
#include "serve/open_inference.h"
#include "serve/refusal.h"
#include "serve/segment_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace san::serve;
  if (size < 2) return 0;
  HttpRequest request;
  request.headers["content-type"] = "application/json";
  request.body.assign(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Limits limits;
  try {
    switch (data[0] % 5) {
      case 0:
        read_segment_request(request, limits);
        break;
      case 1:
        request.headers["content-type"] = "multipart/form-data; boundary=b";
        read_segment_request(request, limits);
        break;
      case 2: {
        if (data[1] > 0) request.headers["inference-header-content-length"] = std::to_string(data[1]);
        const InferenceRequest r = read_inference(request, limits);
        const auto& pixels = r.segment.pixels;
        if (pixels && pixels->rgb.size() != pixels->row_bytes() * static_cast<std::size_t>(pixels->height))
          std::abort();
        break;
      }
      case 3:
        predict_segment(read_predict_request(request.body), limits);
        break;
      case 4:
        read_cvat_call(request.body);
        break;
    }
  } catch (const Refusal&) {
  }
  return 0;
}
