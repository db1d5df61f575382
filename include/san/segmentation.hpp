#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "san/colors.hpp"
#include "san/error.hpp"
#include "san/image.hpp"
#include "san/masks.hpp"

namespace san {

/// Milliseconds of one call, by stage.
struct Timing {
  double resize_ms = 0;   ///< pixels to the network's input
  double network_ms = 0;  ///< image branch and class logits
  double labels_ms = 0;   ///< logits to labels (and label scores) at the picture's size
  double total_ms() const { return resize_ms + network_ms + labels_ms; }
};

/// What the description of a result names beside the result.
struct JsonOptions {
  std::string image, model;     ///< as the user named them
  std::span<const Rgb> colors;  ///< one per class; empty: distinct_colors()
  std::span<const MaskProposal> proposals;
};

/// What was found in one picture. Plain values, and the network's answer behind them, from which further
/// views are computed when asked for. Copies share that answer. May outlive the segmenter that made it; one
/// thread at a time.
class SAN_API Segmentation {
 public:
  LabelMap labels;  ///< index into classes(), at the picture's size; classes().size() for "other"
  std::vector<std::int64_t> areas;  ///< pixels per class, [classes + 1], the last for "other"
  std::vector<float> label_scores;  ///< [height, width], of each pixel's label; empty unless asked for
  Timing timing;

  /// Names of the classes, in the order of labels. Throws Error on an object that holds no result.
  const std::vector<std::string>& classes() const;

  /// One per query of the network with a mask that is not empty, the best score first. Throws Error on
  /// options outside their range, where the method has no masks (maskclip), and where the picture was seen in
  /// more than one view.
  std::vector<MaskProposal> proposals(const ProposalOptions& options = {}) const;

  /// Scores of the chosen classes (classes().size(): the learned background), [chosen, height, width]; 0: the
  /// picture's size. Labels are their argmax at the picture's size. Throws Error on an index outside, of
  /// tiles, whose answers are not kept, and of windows at another size than the picture's.
  std::vector<float> class_scores(std::span<const int> chosen, int height = 0, int width = 0) const;

  /// A JSON object that ends in a newline: image, model, width, height, classes (those present, the largest
  /// first: index, name, color, area in pixels, share, mean_score where label scores are known and
  /// mean_probability where the model's curve is (calibration: its a and b), segmentation as COCO RLE;
  /// "other" has index null) and, if given, proposals. Text that is not UTF-8 is repaired.
  std::string json(const JsonOptions& options = {}) const;

  /// A safetensors file of per-class scores: one float32 [height, width] tensor per class, "0003 wall".
  /// Written a class at a time and whole or not at all. Throws Error with the path, and as class_scores()
  /// does.
  void save_scores(const std::filesystem::path& path) const;

 private:
  friend class Segmenter;
  struct Answer;
  const Answer& answer() const;
  std::shared_ptr<const Answer> answer_;
};

}  // namespace san
