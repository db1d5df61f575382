// The safetensors reader and the model file's metadata. Input: a whole file, or its JSON header alone.
#include "checkpoint/model_file.h"
#include "fuzz_source.h"

namespace {

void open(san::FileBytes file) {
  san::fuzz::tolerate([&] {
    const auto source = san::open_model_source(std::move(file));
    san::fuzz::read_all(*source.parameters);
    san::fuzz::translate(source.parameters);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  open(san::fuzz::hold("", data, size));
  const std::uint64_t length = size;
  open(san::fuzz::hold({reinterpret_cast<const char*>(&length), sizeof length}, data, size));
  return 0;
}
