#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// The vector loops of the segmentation head; the best instruction set of the running processor is chosen at
/// run time.
namespace san::head {

/// Queries are stored in multiples of kQueryAlign floats, classes in panels of kPanel, pixels in blocks of
/// kBlock: a vector of the widest instruction set, or several.
constexpr int kQueryAlign = 16, kPanel = 16, kBlock = 16;
/// Below this logit a sigmoid (under 2e-38) counts as zero, so that no denormal number slows a loop down.
constexpr float kLowestLogit = -87.0f;

/// Columns of one view's queries, in panels: panel p holds [queries, kPanel] values of columns p·kPanel….
struct Segment {
  const float* panels = nullptr;
  std::size_t panel_stride = 0;
  int queries = 0;
  int offset = 0;  ///< the view's first query among those of all views
};

/// Where a weighted sum of grid cells is taken: term t adds weight · grid[cell · stride + query].
struct GridTerm {
  std::size_t cell = 0;
  float weight = 0.0f;
};

/// Bounds on σ of every query over points, each the sum of `terms_per_point` terms: the range of the logits,
/// widened by `slack`, through the sigmoid, rounded outwards. `stride` values each.
void sigma_bounds(const float* grid, std::size_t stride, std::span<const GridTerm> terms,
                  std::size_t terms_per_point, float slack, float* lowest, float* highest);

/// sigma[query · kBlock + pixel] of a block of pixels: the sigmoid of Σ over cells, in order, of
/// weights[cell · kBlock + pixel] · grid[cells[cell] · stride + query].
void block_sigmas(const float* grid, std::size_t stride, int queries, std::span<const std::size_t> cells,
                  const float* weights, float* sigma);

/// scores[i · kBlock + pixel] = Σ over segments, queries in order of column places[i] · sigma, one (fused
/// where the processor can) multiply-add after another: a score's bits do not depend on what else is
/// computed. Place p is column p % kPanel of panel p / kPanel. `count` scores, rounded up to a multiple of
/// four, must have room.
void block_scores(std::span<const Segment> segments, const int* places, int count, const float* sigma,
                  float* scores);

/// The largest of the `count` scores of every pixel and its class, the lowest class on ties. `best` and
/// `best_class`, kBlock values, hold what is known so far.
void update_best(const float* scores, const int* classes, int count, float* best, std::int32_t* best_class);

/// A panel and those of its columns that are still in question, by bits.
struct Candidates {
  int panel = 0;
  std::uint32_t mask = 0;
};

/// What refine() knows of a tile of pixels, query by query, in chunks of kQueryChunk queries.
struct BoundedTile {
  static constexpr std::size_t kQueryChunk = 128;
  struct Chunk {
    float lowest[kQueryChunk], highest[kQueryChunk];  ///< of σ
    float favourite[kQueryChunk];                     ///< probabilities of the class that others must beat
    float range[kQueryChunk];                         ///< no less than highest − lowest
  };
  std::vector<Chunk> chunks;
  float assured = 0.0f, possible = 0.0f;    ///< the favourite's scores at the bounds
  float least = 0.0f;                       ///< a column whose highest score is below it is beaten
  std::vector<Candidates>* kept = nullptr;  ///< out: what is left
  int best = -1;                            ///< out: the place of the column with the highest of these scores
};
constexpr int kTilesAtOnce = 4;

/// How high refine() holds a column's score to be.
enum class Bound {
  kValue,       ///< Σ column · highest
  kDifference,  ///< twice the work, closer where the column resembles the favourite: the favourite's score at
                ///< `highest` and the most that the column can lead by, Σ column · lowest + max(column,
                ///< favourite) · range
};

/// Drops the columns that are beaten in each tile, of which there are at most kTilesAtOnce.
void refine(Bound bound, std::span<const Segment> segments, std::span<const Candidates> candidates,
            std::span<BoundedTile> tiles);

/// Writes the bounds of `count` queries, a multiple of kQueryAlign, and their ranges.
void set_bounds(const float* lowest, const float* highest, std::size_t count,
                std::span<BoundedTile::Chunk> chunks);

/// Σ a·b over `count` values, a multiple of kQueryAlign.
float dot(const float* a, const float* b, std::size_t count);

/// Probabilities from logits: exp(x − largest) / Σ, in float64, those below the least normal float zero.
/// `powers` is working memory for `count` values.
void softmax(const float* logits, std::size_t count, double* powers, float* result);

}  // namespace san::head
