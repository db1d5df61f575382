// The zip reader. Input: an archive.
#include "checkpoint/zip_archive.h"
#include "fuzz_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kLimit = 1 << 20;
  san::fuzz::tolerate([&] {
    const san::ZipArchive zip(san::fuzz::hold("", data, size));
    for (const auto& item : zip.entries())
      san::fuzz::tolerate([&] {
        zip.read(item.first, kLimit);
        if (zip.is_stored(item.first)) zip.verify_stored(item.first, kLimit);
      });
  });
  return 0;
}
