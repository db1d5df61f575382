#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "labels/block_scorer.h"

namespace san::head {

/// Whether something that may pay is worth trying: after losses it is left alone for a while, longer each
/// time, so that where it never pays it costs next to nothing.
class Wager {
 public:
  bool accept();
  /// What it brought less what it cost, in any unit.
  void settle(float gain);

 private:
  float balance_ = 0.0f;
  int pause_ = 1, waiting_ = 0;
};

/// Finds the labels of pieces of the output; one per thread.
///
/// A piece is divided into tiles, each tile into smaller ones, down to blocks. On a tile every query's σ has
/// bounds that cost a few points of the mask grid. A class whose score stays below that of one favourite
/// class within these bounds is dropped for the tile and all that lies in it. Where one class is left, its
/// pixels are done; in blocks the scores of those left are computed.
class TileLabeler {
 public:
  static constexpr int kPieceHeight = 16, kPieceWidth = 64;

  /// Another picture, in the memory of the one before; all four must outlive its pieces.
  void begin(const Plan& plan, const ClassTree& tree, const HeadOptions& options, SegmentationResult& result);

  /// A piece between the plan's cuts, at most kPieceHeight × kPieceWidth.
  void run(const Region& piece);

 private:
  /// What may still win: classes, or leaves whose classes may.
  struct Contest {
    bool classes = false;
    std::vector<Candidates> candidates;

    int count() const;  ///< of classes
  };
  struct Depth {
    std::array<Region, kTilesAtOnce> areas;
    std::array<BoundedTile, kTilesAtOnce> tiles;
    std::array<Contest, kTilesAtOnce> contests;
    Wager wager;
  };
  /// Classes that won nearby, of which a tile's favourite is chosen.
  class Favourites {
   public:
    void clear(std::size_t width);
    void add(int place, std::span<const Segment> leaves);
    bool contains(int place) const;
    /// Makes that one the tile's favourite which is sure of the highest score.
    void choose(BoundedTile& tile) const;

   private:
    static constexpr std::size_t kCount = 8;
    std::size_t width_ = 0, next_ = 0, used_ = 0;
    std::array<int, kCount> places_{};
    std::vector<float> rows_;  ///< [kCount, width]
  };

  void start(const Region& piece);
  void divide(const Region& area, const Contest& contest, int depth);
  void narrow(std::size_t count, const Contest& contest, int depth);
  void expand(BoundedTile& tile, Contest& contest, int depth);
  void improve(BoundedTile& tile, Contest& contest);
  void descend(const Region& area, const Contest& contest, int depth);
  void bound(const Region& area, BoundedTile& tile);
  void refine_tiles(Bound bound, bool classes, std::span<const Candidates> candidates,
                    std::span<BoundedTile> tiles) const;
  void fill(const Region& area, std::int32_t label);

  void label_block(const Region& block, const Contest& contest);
  void compare_classes(std::span<const int> places);
  void compare_leaves(int pixels);
  void compare_leaf(int leaf);
  void places_of(const Contest& contest);

  const ClassTree* tree_ = nullptr;
  const HeadOptions* options_ = nullptr;
  SegmentationResult* result_ = nullptr;

  BlockScorer scorer_;
  Contest all_;            ///< what may win anywhere
  std::size_t width_ = 0;  ///< queries of all views, rounded up to kQueryAlign
  Favourites favourites_;
  std::array<Depth, 3> depths_;
  Wager leaf_wager_;

  std::vector<GridTerm> terms_;
  std::vector<float> lowest_, highest_;
  std::vector<Candidates> kept_, leaves_;
  std::vector<float> scores_, leaf_scores_;
  std::vector<int> places_, leaf_places_, classes_;
  std::vector<std::pair<float, std::size_t>> by_score_;
  alignas(64) std::array<float, kBlock> best_{};
  alignas(64) std::array<std::int32_t, kBlock> best_class_{};
};

}  // namespace san::head
