// Merges of every format, and text through the tokenizer they make. Input: merges, a zero byte, text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/bpe_tokenizer.h"
#include "text/gzip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  std::string merges(input.substr(0, zero));
  const std::string_view text = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  try {
    if (san::is_gzip(input)) merges = san::gunzip(input, "fuzz", 1 << 20);
    san::BpeTokenizer::of_text(merges, "fuzz", san::kClipContextLength).encode(text);
  } catch (const san::Error&) {
  }
  try {
    static const san::BpeTokenizer bytes({"a a"});
    bytes.encode(text);
  } catch (const san::Error&) {
  }
  return 0;
}
