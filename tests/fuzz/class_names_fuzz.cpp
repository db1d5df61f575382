// Class names as a list, as lines of a file, and one by one. Input: the text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/class_names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tolerate = [](auto action) {
    try {
      action();
    } catch (const san::Error&) {
    }
  };
  tolerate([&] { (void)san::parse_class_list(text); });
  tolerate([&] { (void)san::parse_class_lines(text, "fuzz"); });
  tolerate([&] { (void)san::parse_class(text); });
  return 0;
}
