#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "san/image.hpp"

namespace san {

/// A mask in COCO's run-length form: column after column, lengths of alternating runs, the first of zeros
/// (maybe empty).
struct Rle {
  int height = 0, width = 0;
  std::vector<std::uint32_t> counts;

  /// Number of set pixels.
  std::int64_t area() const;
  friend bool operator==(const Rle&, const Rle&) = default;
};

/// `mask` holds height × width values row by row; what is not zero is set. Throws Error on another size.
Rle encode_rle(std::span<const std::uint8_t> mask, int height, int width);
/// The mask of the pixels with that label.
Rle encode_rle(const LabelMap& map, std::uint16_t label);
/// The masks of all labels that occur, in one pass.
std::map<std::uint16_t, Rle> encode_rles(const LabelMap& map);

/// Row by row, 0 or 1. Throws Error when the runs do not add up to height × width.
std::vector<std::uint8_t> decode_rle(const Rle& rle);

/// The compressed string of pycocotools ("counts" in COCO files).
std::string rle_counts_to_string(std::span<const std::uint32_t> counts);
/// Throws Error on characters that cannot occur, on an unfinished number, and on numbers outside 32 bits.
std::vector<std::uint32_t> rle_counts_from_string(std::string_view text);

}  // namespace san
