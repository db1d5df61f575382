// PyTorch files. Input: a zip file, an old-format file, or a pickle and what follows it there.
#include "checkpoint/torch_file.h"
#include "fuzz_source.h"

using namespace std::string_view_literals;

namespace {

// Magic number, version 1001, {"little_endian": True}: what precedes the pickled content in the old format.
constexpr std::string_view kLegacyStart =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}"
    "X\x0d\x00\x00\x00little_endian\x88s."sv;

void open(san::FileBytes file) {
  san::fuzz::tolerate([&] {
    const auto source = std::make_shared<san::TorchFile>(std::move(file));
    source->opaque_makers();
    source->top_level("iteration");
    san::fuzz::read_all(*source);
    san::fuzz::translate(source);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  open(san::fuzz::hold("", data, size));
  open(san::fuzz::hold(kLegacyStart, data, size));
  return 0;
}
