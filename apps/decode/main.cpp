#include <unistd.h>

#include "base/error.h"
#include "image/codec/common_formats.h"
#include "image/helper/serve.h"
#include "san/image.hpp"

#if SAN_DECODE_OPENCV
#include "image/opencv/opencv_codecs.h"
#endif

/// The decoding helper. libsan starts it and speaks to it through descriptors 0, 3 and 4
/// (src/image/sandbox/protocol.h); there is no use in calling it by hand.
namespace san {
namespace {

void warm_up() {
#if SAN_DECODE_OPENCV
  opencv::warm_up();
#endif
}

void work(const sandbox::Request& request, std::span<const std::byte> input, const std::string& name,
          const PixelSink& sink) {
#if SAN_DECODE_OPENCV
  switch (request.task) {
    case sandbox::Task::kRgb:
      return opencv::read_rgb(input, name, request.max_pixels, sink);
    case sandbox::Task::kLabels:
      return opencv::read_labels(input, name, request.max_pixels, sink);
    case sandbox::Task::kTiffFacts:
    case sandbox::Task::kTiffRows:
      fail("TIFFs by rows are for another helper");
  }
#else
  decode_common_format(request.task, input, name, request.max_pixels, sink);
#endif
}

}  // namespace
}  // namespace san

int main() {
  // Nothing is left to tidy up, and the door is closed: no exit handlers.
  ::_exit(san::sandbox::serve(san::warm_up, san::work));
}
