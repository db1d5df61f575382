// Runs a fuzz target on every file of the folders given: its seeds as an ordinary test.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "base/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      const san::OwnedBytes content = san::read_file(entry.path());
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.bytes.data()),
                             content.bytes.size());
      ++count;
    }
  std::printf("%d seeds\n", count);
  return count > 0 ? 0 : 1;
}
