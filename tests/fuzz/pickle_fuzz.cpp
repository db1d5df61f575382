// The pickle machine on its own. Input: a pickle.
#include <span>

#include "checkpoint/unpickler.h"
#include "fuzz_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  san::fuzz::tolerate([&] {
    const auto pickle = san::unpickle(std::as_bytes(std::span(data, size)), "fuzz");
    pickle.opaque_makers();
    pickle.find(pickle.root(), "model");
  });
  return 0;
}
