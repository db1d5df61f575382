#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "san/error.hpp"
#include "san/image.hpp"

namespace san {

/// A mask in COCO's run-length form: column after column, lengths of alternating runs, the first of zeros
/// (maybe empty).
struct Rle {
  int height = 0, width = 0;
  std::vector<std::uint32_t> counts;

  /// Number of set pixels.
  SAN_API std::int64_t area() const;
  friend bool operator==(const Rle&, const Rle&) = default;
};

/// `mask` holds height × width values row by row; what is not zero is set. Throws Error on another size.
SAN_API Rle encode_rle(std::span<const std::uint8_t> mask, int height, int width);
/// The mask of the pixels with that label.
SAN_API Rle encode_rle(const LabelMap& map, Label label);
/// The masks of all labels that occur, in one pass.
SAN_API std::map<Label, Rle> encode_rles(const LabelMap& map);
/// Row by row, 0 or 1. Throws Error when the runs do not add up to height × width.
SAN_API std::vector<std::uint8_t> decode_rle(const Rle& rle);
/// Writes `label` into the mask's pixels of `map`, in time that grows with the runs and the pixels set.
/// Throws Error when the sizes differ or the runs do not add up.
SAN_API void paint_rle(const Rle& rle, Label label, LabelMap& map);

/// The compressed string of pycocotools ("counts" in COCO files).
SAN_API std::string rle_counts_to_string(std::span<const std::uint32_t> counts);
/// Throws Error on characters that cannot occur, on an unfinished number, and on numbers outside 32 bits.
SAN_API std::vector<std::uint32_t> rle_counts_from_string(std::string_view text);

/// What one query of the network says: a mask and the class it most likely shows.
struct MaskProposal {
  int query = 0, class_index = 0;
  float class_score = 0.0f;  ///< P of the class, 0 … 1
  float mask_score = 0.0f;   ///< mean mask probability inside the mask, 0 … 1
  float score() const { return class_score * mask_score; }
  Rle mask;  ///< pixels with a mask probability of at least the threshold
};

struct ProposalOptions {
  float min_class_score = 0.0f;
  float threshold = 0.5f;  ///< of the mask probability, in (0, 1)
};

}  // namespace san
