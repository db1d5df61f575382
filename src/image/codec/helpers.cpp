#include "image/codec/helpers.h"

namespace san {

sandbox::Sandbox& common_decoders() {
  static sandbox::Sandbox sandbox("san-decode");
  return sandbox;
}

sandbox::Sandbox& opencv_codecs() {
  static sandbox::Sandbox sandbox("san-decode-opencv");
  return sandbox;
}

}  // namespace san
