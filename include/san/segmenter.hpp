#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "san/cancellation.hpp"
#include "san/error.hpp"
#include "san/image_view.hpp"
#include "san/segmentation.hpp"
#include "san/tiles.hpp"
#include "san/vocabulary.hpp"

namespace san {

enum class Preprocessing : std::uint8_t {
  kEvaluation,  ///< bilinear, sides rounded, the long side limited: as benchmarks do
  kDemo         ///< bicubic, the long side truncated and not limited: as the authors' demo does
};

struct SegmentationOptions {
  /// Pixels that the learned background wins get the label classes().size() instead of the best class.
  bool other = false;
  bool label_scores = false;  ///< also return the score of each pixel's label
  /// Edges between labels follow those of the picture (a guided filter). Features that look() made without it
  /// cannot be segmented with it.
  bool refine = false;
  /// Pixels whose label is right with less than this probability, by ModelFacts::curve of its score, get the
  /// label of "other" too.
  float min_score = 0;
  Preprocessing preprocessing = Preprocessing::kEvaluation;
  int short_side = 0;  ///< of the network's input, pixels, at most 8192; 0: the model's own
  int long_side = 0;   ///< limit on the other side; 0: in the model's proportion to short_side
  Watch watch;         ///< progress counts the pictures of a batch, the tiles of segment_tiles()
  /// Six sizes, 0.5 to 1.75 times `short_side` (320 to 1120 for models of 640, as benchmarks
  /// do), each also mirrored, whose class maps are averaged: seventeen times the work.
  bool augment = false;
  /// Side of square windows, pixels of the picture, that overlap by a third; their class maps are averaged
  /// evenly, as benchmarks do. At least 32; 0: the picture is seen whole.
  int window = 0;
  /// Side of square tiles, pixels of the picture, at least 32, for pictures with more detail than the
  /// network's input holds; neighbours fade into each other, so that no seam shows. Not with `window`. A
  /// picture that fits into one is seen whole; 0: every picture is.
  int tile = 0;
  /// By how many pixels tiles overlap at least, up to half their side; 0: a quarter of it, -1: not at all.
  int tile_overlap = 0;
};

/// What the network sees in one picture, before any words: made by Segmenter::look(), asked with one
/// vocabulary after the other, by any segmenter of that model and in any thread. Immutable.
class SAN_API ImageFeatures {
 public:
  int height() const;  ///< of the picture, pixels
  int width() const;
  /// Memory that they hold, for whoever keeps many; the picture itself is not among it.
  std::size_t bytes() const;

 private:
  friend class BankBuilder;
  friend class Segmenter;
  friend class Stream;
  friend class WholeClip;
  struct Impl;
  explicit ImageFeatures(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const;
  std::shared_ptr<const Impl> impl_;
};

/// One thread's workspace. Every function throws Error on a picture of no size and on options outside their
/// range, and Cancelled; the segmenter stays usable.
class SAN_API Segmenter {
 public:
  Segmenter(Segmenter&&) noexcept;
  Segmenter& operator=(Segmenter&&) noexcept;
  ~Segmenter();

  Segmentation segment(const ImageView& image, const Vocabulary& vocabulary,
                       const SegmentationOptions& options = {});
  /// Into a result of before, whose memory is used again: for frames of one size.
  void segment(const ImageView& image, const Vocabulary& vocabulary, const SegmentationOptions& options,
               Segmentation& result);
  /// One result per picture, one picture after the other, each with all threads of the budget.
  std::vector<Segmentation> segment_batch(std::span<const ImageView> images, const Vocabulary& vocabulary,
                                          const SegmentationOptions& options = {});

  /// A picture of any size, bands of rows from top to bottom, each as it is done: needs options.tile. Memory:
  /// a tile, a band in which tiles overlap with the next, and the network's answers for two rows of tiles.
  /// The labels are those of segment(), and `take` may move from what it gets.
  void segment_tiles(const PictureParts& picture, const Vocabulary& vocabulary,
                     const SegmentationOptions& options, const std::function<void(LabelRows&)>& take);

  /// The vocabulary comes late in this network: most of the work is done once per picture, whatever is asked.
  /// One look at the whole picture: throws Error on `augment`, `window` and `tile`.
  ImageFeatures look(const ImageView& image, const SegmentationOptions& options = {});
  /// Of `options` what concerns labels counts. Throws Error on features of another model.
  Segmentation segment(const ImageFeatures& features, const Vocabulary& vocabulary,
                       const SegmentationOptions& options = {});
  /// The same into a result of before.
  void segment(const ImageFeatures& features, const Vocabulary& vocabulary,
               const SegmentationOptions& options, Segmentation& result);

  /// How the picture becomes labels, stage by stage: a JSON object for explanation_page() (san/explain.hpp),
  /// described in docs/explain.md; of `names` what JSON says beside it. Throws Error for methods other than
  /// "san" and for the reference backend.
  std::string explain(const ImageView& image, const Vocabulary& vocabulary,
                      const SegmentationOptions& options = {}, const JsonOptions& names = {});

  /// Runs the network once on a grey picture of that size, so that the first real one takes no longer than
  /// those after it.
  void warm_up(int height, int width, const SegmentationOptions& options = {});

 private:
  friend class BankBuilder;
  friend class Model;
  struct Impl;
  explicit Segmenter(std::unique_ptr<Impl> impl);
  Impl& impl() const;
  void answer_in_views(const ImageView& image, const Vocabulary& vocabulary,
                       const SegmentationOptions& options, Segmentation& result);
  const Vocabulary::Impl& own_words(const Vocabulary& vocabulary) const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san
