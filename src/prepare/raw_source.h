#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "san/codec.hpp"
#include "san/image.hpp"

namespace san {

struct RawContent {
  LabelMap ids;  ///< raw label values
  std::optional<Image>
      picture;  ///< set where the rule changes the picture, which is then stored anew as JPEG
};

struct RawSample {
  std::string split, stem;
  std::filesystem::path image;                             ///< the raw picture; empty when it was not found
  std::filesystem::path label;                             ///< the raw label file, for messages
  std::function<RawContent(const DecodeOptions&)> read{};  ///< throws Error
};

/// What a raw download holds, and how to take its labels.
struct RawSource {
  std::vector<RawSample> samples;
  bool drop_unlabelled = false;  ///< leave out samples without a pixel of any class, as the official script
  bool reencodes_pictures = false;            ///< read() returns pictures
  std::function<bool(int)> expected_ignored;  ///< raw values that mean "no class" by rule
  std::vector<Problem> problems{};
  std::vector<std::string> notes{};
};

/// One function per raw layout; each throws Error naming the places it looked at when the labels of no split
/// are there. `splits` are names of the description's splits.
using RawLayout = RawSource(const std::filesystem::path& source, const std::vector<std::string>& splits);
RawLayout list_coco_stuff, list_voc, list_pascal_context_59, list_pascal_context_459, list_ade_150,
    list_ade_full;

/// What a list may call a picture: a file name without folders, of 1 to 200 bytes, none of them a control
/// character. Throws Error that begins with `where`.
void check_stem(const std::string& stem, const std::string& where);

/// The first of `candidates` (relative to `source`) that exists; nothing if none does.
std::optional<std::filesystem::path> find_raw(const std::filesystem::path& source,
                                              const std::vector<std::string>& candidates);

}  // namespace san
