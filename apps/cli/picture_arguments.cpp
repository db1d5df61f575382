#include "picture_arguments.h"

namespace san::cli {

void PictureArguments::add_to(CLI::App& app) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  app.add_option("--max-pixels", decode.max_pixels, "Refuse larger pictures before decoding them")
      ->check(CLI::Range(std::int64_t{1}, kMost))
      ->capture_default_str();
  app.add_flag("--sandbox-decoders", decode.sandbox,
               "Decode JPEG and PNG in a helper process without rights, as the other formats always are");
}

}  // namespace san::cli
