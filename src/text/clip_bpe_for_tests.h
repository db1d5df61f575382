#pragma once
#include <cstdlib>
#include <filesystem>

namespace san {

inline constexpr const char* kClipBpeMissing =
    "CLIP's merges are not at hand: set SAN_CLIP_BPE to bpe_simple_vocab_16e6.txt.gz (it comes with CLIP) to "
    "run this";

/// CLIP's merges file, empty when there is none.
inline std::filesystem::path clip_bpe_path() {
  const char* named = std::getenv("SAN_CLIP_BPE");
  const std::filesystem::path path =
      named ? named : SAN_SOURCE_DIR "/../shared/clip/bpe_simple_vocab_16e6.txt.gz";
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

}  // namespace san
