#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "san/calibration.hpp"
#include "san/image.hpp"

namespace san {

/// A rectangle of output pixels.
struct Region {
  int y = 0, x = 0, height = 0, width = 0;
};

/// How a view's weight rises towards the inside of its region: from next to nothing at an edge to one, evenly
/// over so many output pixels; 0: it weighs one from the edge on. Along an axis the smaller of the two ends
/// counts, and the weight of a pixel is the product of both axes'. Where two views overlap by as many pixels
/// as both ramps have, their weights add up to one.
struct Ramps {
  int top = 0, bottom = 0, left = 0, right = 0;

  bool any() const { return top > 0 || bottom > 0 || left > 0 || right > 0; }
  friend bool operator==(const Ramps&, const Ramps&) = default;
};

/// A method's answer for one look at the picture: the whole of it, a mirrored or rescaled copy, or a window.
/// Either queries, with class and mask logits, or a grid of class logits; never both. Borrows the logits.
/// Lengths in pixels of the network's input except the grid's.
struct HeadView {
  std::span<const float> class_logits;  ///< [queries, rows + 1], the last column the learned background
  std::span<const float> mask_logits;   ///< [queries, grid_height · grid_width]
  int queries = 0;
  int grid_height = 0, grid_width = 0;
  int padded_height = 0, padded_width = 0;    ///< what the grid spans
  int content_height = 0, content_width = 0;  ///< without the padding
  bool mirrored = false;                      ///< the network saw the picture flipped left to right
  Region region{};                            ///< the part of the output it covers; empty: all of it
  std::span<const float> grid_logits{};       ///< instead: [grid_height · grid_width, rows]
  float grid_scale = 1.0f;                    ///< what grid logits are multiplied by before the softmax
  Ramps ramps{};                              ///< its weight among the views that cover a pixel

  bool is_grid() const { return !grid_logits.empty(); }
};

/// What becomes of pixels that belong to none of the classes.
enum class Background {
  kNone,   ///< every pixel gets the best of the classes
  kOther,  ///< a pixel whose best score is below the background's, Σ_q P[q, background]·σ(M[q]), gets label
           ///< `classes`
};

struct HeadOptions {
  /// The class of each row (name) of the class or grid logits; empty: row = class. The logit of a class is
  /// the largest among its names', taken before the softmax, so that a synonym neither adds to nor divides
  /// its class's probability.
  std::span<const int> row_class;
  int classes = 0;
  /// The last so many of the classes are distractors: they compete, and what they win becomes "other".
  int distractors = 0;
  Background background = Background::kNone;
  /// With kOther: pixels where no query's mask probability reaches this become "other" too. 0.5 says "inside
  /// no mask".
  float min_coverage = 0.0f;
  /// Pixels whose label is right with less than this probability become "other".
  float min_score = 0.0f;
  /// What scores say of that; unless it is known, they are probabilities themselves.
  ScoreCurve curve{};
  /// The picture, as refinement_guide() makes it: edges between labels then follow its edges (refine.h).
  const Image* guide = nullptr;
  /// Also return the score of each pixel's label.
  bool label_scores = false;
  /// The part of the output that is computed; the result has its size. Empty: all of it.
  Region part{};

  int asked() const { return classes - distractors; }  ///< classes that labels name
};

struct SegmentationResult {
  LabelMap labels;                  ///< 0 … asked − 1, and `asked` for "other"
  std::vector<std::int64_t> areas;  ///< pixels per class, [asked + 1], the last "other"
  std::vector<float> label_scores;  ///< [height, width] when asked for
};

/// Turns logits into labels.
/// Of queries:
///   P = softmax over classes and background; M = mask logits resized bilinearly (align_corners = false) to
///   the padded size, cropped to the content, resized to the output size; score[k, y, x] = mean over the
///   views covering the pixel, by their weights there (Ramps), of Σ_q P[q, k]·σ(M[q, y, x]); label = argmax
///   over k, the first on ties.
/// Of grids:
///   L = grid logits resized as M is, averaged by the same weights over the views covering the pixel; the
///   logit of a class is the largest among its names'; label = argmax over k, the first on ties; score =
///   softmax(grid_scale · L). There is no background: kOther, min_coverage and the background's scores are
///   errors.
/// The result is exactly the argmax of the scores as class_scores() computes them, but classes that provably
/// cannot win in a small tile of pixels are not evaluated there; memory does not grow with classes × pixels.
class SegmentationHead {
 public:
  explicit SegmentationHead(ThreadPool& pool);
  SegmentationHead(SegmentationHead&&) noexcept;
  ~SegmentationHead();

  /// Throws Error on inconsistent sizes and on logits that are not finite.
  SegmentationResult run(std::span<const HeadView> views, int height, int width, const HeadOptions& options);
  /// The same into a result of before, whose memory is used again.
  void run(std::span<const HeadView> views, int height, int width, const HeadOptions& options,
           SegmentationResult& result);

  /// Scores of the chosen classes (`options.classes` stands for the background), [chosen, height, width] or
  /// of `options.part`.
  std::vector<float> class_scores(std::span<const HeadView> views, int height, int width,
                                  const HeadOptions& options, std::span<const int> chosen) const;

 private:
  struct Memory;
  ThreadPool& pool_;
  std::unique_ptr<Memory> memory_;  ///< of the picture before: one of its size needs no more
};

/// P of one view from its class logits: [queries, classes + 1], each row a softmax, the background last.
std::vector<float> class_probabilities(std::span<const float> class_logits, int queries,
                                       const HeadOptions& options, ThreadPool& pool);
/// The same into a list whose memory is used again.
void class_probabilities(std::span<const float> class_logits, int queries, const HeadOptions& options,
                         ThreadPool& pool, std::vector<float>& result);

}  // namespace san
