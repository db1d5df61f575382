#pragma once
#include "image/sandbox/sandbox.h"

namespace san {

/// The helpers of this process: PNG and JPEG, which need two small libraries, and the formats that need
/// OpenCV. Started when first used.
sandbox::Sandbox& common_decoders();
sandbox::Sandbox& opencv_codecs();

}  // namespace san
