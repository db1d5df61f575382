// Model files: header, metadata, configuration. Input: the file; without its 8 bytes of length, the header
// alone.
#include "checkpoint/model_file.h"
#include "fuzz_source.h"
#include "model/config.h"

namespace {

void open(san::FileBytes file) {
  san::fuzz::tolerate([&] {
    const san::ModelSource source = san::open_model_file(std::move(file));
    san::fuzz::tolerate([&] { san::SanConfig::from_json(source.metadata->config, "fuzz"); });
    san::fuzz::read_all(*source.parameters);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  open(san::fuzz::hold({}, data, size));
  if (size == 0 || data[0] != '{') return 0;
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 4; ++i) length[i] = static_cast<char>(size >> (8 * i) & 0xff);
  open(san::fuzz::hold(length, data, size));
  san::fuzz::tolerate([&] {
    san::SanConfig::from_json({reinterpret_cast<const char*>(data), size}, "fuzz");
  });
  return 0;
}
