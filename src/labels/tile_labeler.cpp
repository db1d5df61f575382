#include "labels/tile_labeler.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace san::head {
namespace {

/// Sides of the tiles of each depth.
constexpr std::array<int, 3> kSides{kTileSide, 8, kBlockSide};
/// From this depth on the closer bound pays.
constexpr int kCloserDepth = 2;
/// Leaves are taken apart into classes where at most so many are left.
constexpr std::array<int, 3> kExpanded{128, 64, 8};
/// Up to so many leaves all classes are looked at from the beginning.
constexpr int kFewLeaves = 64;
constexpr std::size_t kScoredAtOnce = 256;

/// What things cost, in processor cycles, as far as it takes to decide what is worth trying.
constexpr float kBoundCost = 1700, kPanelCost = 80, kSigmaCost = 1300, kClassCost = 52, kLeafCost = 80;
/// Tiles of lower depths in a tile of each.
constexpr std::array<float, 3> kTilesBelow{20, 4, 0};

}  // namespace

bool Wager::accept() {
  if (waiting_ == 0) return true;
  --waiting_;
  return false;
}

void Wager::settle(float gain) {
  balance_ = 0.97f * balance_ + gain;
  if (balance_ >= 0.0f) {
    pause_ = 1;
    return;
  }
  balance_ = 0.0f;
  waiting_ = pause_;
  pause_ = std::min(2 * pause_, 128);
}

int TileLabeler::Contest::count() const {
  int result = 0;
  for (const Candidates& c : candidates) result += std::popcount(c.mask);
  return classes ? result : result * kPanel;
}

void TileLabeler::Favourites::clear(std::size_t width) {
  width_ = width;
  next_ = used_ = 0;
  rows_.assign(kCount * width, 0.0f);
}

void TileLabeler::Favourites::add(int place, std::span<const Segment> leaves) {
  float* row = &rows_[next_ * width_];
  places_[next_] = place;
  next_ = (next_ + 1) % kCount;
  used_ = std::max(used_, next_ == 0 ? kCount : next_);
  const auto p = static_cast<std::size_t>(place);
  for (const Segment& segment : leaves) {
    const float* column = segment.panels + p / kPanel * segment.panel_stride + p % kPanel;
    for (int q = 0; q < segment.queries; ++q) row[segment.offset + q] = column[q * kPanel];
  }
}

bool TileLabeler::Favourites::contains(int place) const {
  return std::find(places_.begin(), places_.begin() + used_, place) != places_.begin() + used_;
}

void TileLabeler::Favourites::choose(BoundedTile& tile) const {
  constexpr std::size_t kChunk = BoundedTile::kQueryChunk;
  const auto score = [&](std::size_t i, const auto& bounds) {
    float sum = 0.0f;
    for (std::size_t q = 0; q < width_; q += kChunk)
      sum += dot(&rows_[i * width_ + q], bounds(tile.chunks[q / kChunk]), std::min(kChunk, width_ - q));
    return sum;
  };
  std::size_t best = 0;
  tile.assured = -1.0f;
  for (std::size_t i = 0; i < used_; ++i)
    if (const float sure = score(i, [](const auto& c) { return c.lowest; }); sure > tile.assured)
      tile.assured = sure, best = i;
  tile.possible = score(best, [](const auto& c) { return c.highest; });
  for (std::size_t q = 0; q < width_; q += kChunk)
    std::copy_n(&rows_[best * width_ + q], std::min(kChunk, width_ - q), tile.chunks[q / kChunk].favourite);
}

void TileLabeler::begin(const Plan& plan, const ClassTree& tree, const HeadOptions& options,
                        SegmentationResult& result) {
  tree_ = &tree, options_ = &options, result_ = &result;
  scorer_.begin(plan, tree);
  all_.classes = tree.leaves() <= kFewLeaves;
  all_.candidates = all_.classes ? tree.all_classes() : tree.all_leaves();
  // Room for whatever a picture may show: none that comes later asks for more.
  const auto leaves = static_cast<std::size_t>(tree.leaves());
  for (Depth& depth : depths_) {
    depth.wager = {};
    for (Contest& contest : depth.contests) contest.candidates.reserve(leaves);
  }
  leaf_wager_ = {};
  for (std::vector<Candidates>* list : {&kept_, &leaves_}) list->reserve(leaves);
  for (std::vector<int>* list : {&places_, &leaf_places_}) list->reserve(leaves * kPanel);
  classes_.reserve(kScoredAtOnce);
  by_score_.reserve(leaves);
  terms_.reserve(kMostTerms);
  scores_.resize(kScoredAtOnce * kBlock);
  leaf_scores_.resize((leaves + 3) / 4 * 4 * kBlock);
}

void TileLabeler::start(const Region& piece) {
  if (!scorer_.look_at(piece)) return;
  width_ = (scorer_.queries() + kQueryAlign - 1) / kQueryAlign * kQueryAlign;
  favourites_.clear(width_);
  favourites_.add(0, scorer_.leaves());
  // Bounds are written in whole vectors, a view's last one into the beginning of the next view's.
  lowest_.assign(width_ + kQueryAlign, 0.0f);
  highest_.assign(width_ + kQueryAlign, 0.0f);
  for (Depth& depth : depths_)
    for (BoundedTile& tile : depth.tiles)
      tile.chunks.assign((width_ + BoundedTile::kQueryChunk - 1) / BoundedTile::kQueryChunk, {});
}

void TileLabeler::run(const Region& piece) {
  start(piece);
  divide(piece, all_, 0);
}

void TileLabeler::divide(const Region& area, const Contest& contest, int depth) {
  Depth& here = depths_[static_cast<std::size_t>(depth)];
  std::size_t count = 0;
  for_tiles(area, kSides[static_cast<std::size_t>(depth)],
            [&](const Region& part) { here.areas[count++] = part; });
  const bool narrower = !contest.classes || here.wager.accept();
  if (narrower) narrow(count, contest, depth);
  for (std::size_t i = 0; i < count; ++i)
    descend(here.areas[i], narrower ? here.contests[i] : contest, depth);
}

void TileLabeler::bound(const Region& area, BoundedTile& tile) {
  std::size_t offset = 0;
  for (const PlannedView* view : scorer_.views()) {
    const Region inside = within(*view, area);
    const std::size_t per_point = view->bound_terms(inside, terms_);
    sigma_bounds(view->grid.data(), static_cast<std::size_t>(view->stride), terms_, per_point, view->slack,
                 &lowest_[offset], &highest_[offset]);
    if (!view->weighs_one()) {
      const auto [least, most] = view->weight_range(inside);
      for (std::size_t q = offset; q < offset + static_cast<std::size_t>(view->queries); ++q)
        lowest_[q] *= least, highest_[q] *= most;
    }
    offset += static_cast<std::size_t>(view->queries);
  }
  set_bounds(lowest_.data(), highest_.data(), width_, tile.chunks);
}

void TileLabeler::refine_tiles(Bound bound, bool classes, std::span<const Candidates> candidates,
                               std::span<BoundedTile> tiles) const {
  for (BoundedTile& tile : tiles) {
    favourites_.choose(tile);
    // Bounds and scores are sums of as many rounded products as there are queries; those that underflow lose
    // up to the least normal number each. A column that is not beaten has no higher score at stake than the
    // favourite, or is above the bound by far.
    const float score = bound == Bound::kValue ? tile.assured : tile.possible;
    const auto roundings = static_cast<float>(scorer_.queries() + 16);
    tile.least = score - roundings * (score * 0x1p-21f + 8 * std::numeric_limits<float>::min());
  }
  refine(bound, classes ? scorer_.leaves() : scorer_.branches(), candidates, tiles);
}

void TileLabeler::narrow(std::size_t count, const Contest& contest, int depth) {
  Depth& here = depths_[static_cast<std::size_t>(depth)];
  for (std::size_t i = 0; i < count; ++i) {
    bound(here.areas[i], here.tiles[i]);
    here.contests[i].classes = contest.classes;
    here.tiles[i].kept = &here.contests[i].candidates;
  }
  const Bound bound = depth < kCloserDepth ? Bound::kValue : Bound::kDifference;
  refine_tiles(bound, contest.classes, contest.candidates, std::span(here.tiles).first(count));
  const int before = contest.count();
  float gain = 0.0f;
  for (std::size_t i = 0; i < count; ++i) {
    improve(here.tiles[i], here.contests[i]);
    if (!contest.classes) expand(here.tiles[i], here.contests[i], depth);
    const int after = here.contests[i].count();
    const auto panels = static_cast<float>(contest.candidates.size() - here.contests[i].candidates.size());
    const float spared = static_cast<float>(before - after) * kClassCost + (after == 1 ? kSigmaCost : 0.0f);
    gain += spared * static_cast<float>(here.areas[i].height * here.areas[i].width) / kBlock +
            panels * kPanelCost * kTilesBelow[static_cast<std::size_t>(depth)] - kBoundCost -
            kPanelCost * static_cast<float>(contest.candidates.size());
  }
  if (contest.classes) here.wager.settle(gain);
}

/// Takes what was found to have the best prospects for a favourite, and drops what it beats.
void TileLabeler::improve(BoundedTile& tile, Contest& contest) {
  int place = tile.best;
  std::swap(contest.candidates, kept_);
  tile.kept = &contest.candidates;
  if (!contest.classes && place < tree_->leaves()) {
    refine_tiles(Bound::kValue, true, std::span(&tree_->all_classes()[static_cast<std::size_t>(place)], 1),
                 std::span(&tile, 1));
    place = tile.best;
  }
  const float assured = tile.assured;
  if (tree_->classes()[static_cast<std::size_t>(place)] >= 0 && !favourites_.contains(place)) {
    favourites_.add(place, scorer_.leaves());
    favourites_.choose(tile);
  }
  if (tile.assured > assured)
    refine_tiles(Bound::kDifference, contest.classes, kept_, std::span(&tile, 1));
  else
    std::swap(contest.candidates, kept_);
}

/// Leaves into classes, where few are left.
void TileLabeler::expand(BoundedTile& tile, Contest& contest, int depth) {
  if (contest.count() > kExpanded[static_cast<std::size_t>(depth)] * kPanel) return;
  leaves_.clear();
  for (const Candidates& c : contest.candidates)
    for (std::uint32_t mask = c.mask; mask != 0; mask &= mask - 1)
      leaves_.push_back(
          tree_->all_classes()[static_cast<std::size_t>(c.panel * kPanel + std::countr_zero(mask))]);
  contest.classes = true;
  refine_tiles(Bound::kDifference, true, leaves_, std::span(&tile, 1));
  improve(tile, contest);
}

void TileLabeler::descend(const Region& area, const Contest& contest, int depth) {
  const bool scored = options_->label_scores || options_->min_coverage > 0.0f;
  if (!scored && contest.classes && contest.candidates.size() == 1 &&
      std::has_single_bit(contest.candidates.front().mask)) {
    const Candidates& only = contest.candidates.front();
    fill(area, tree_->classes()[static_cast<std::size_t>(only.panel * kPanel + std::countr_zero(only.mask))]);
  } else if (depth + 1 < static_cast<int>(kSides.size())) {
    divide(area, contest, depth + 1);
  } else {
    label_block(area, contest);
  }
}

void TileLabeler::fill(const Region& area, std::int32_t label) {
  for (int y = area.y; y < area.y + area.height; ++y)
    std::fill_n(result_->labels.row(y) + area.x, area.width, static_cast<Label>(label));
}

void TileLabeler::places_of(const Contest& contest) {
  places_.clear();
  for (const Candidates& c : contest.candidates)
    for (std::uint32_t mask = c.mask; mask != 0; mask &= mask - 1)
      places_.push_back(c.panel * kPanel + std::countr_zero(mask));
}

void TileLabeler::compare_classes(std::span<const int> places) {
  for (std::size_t i = 0; i < places.size(); i += kScoredAtOnce) {
    const auto some = places.subspan(i, std::min(kScoredAtOnce, places.size() - i));
    scorer_.scores(scorer_.leaves(), some, scores_);
    classes_.clear();
    for (const int place : some) classes_.push_back(tree_->classes()[static_cast<std::size_t>(place)]);
    update_best(scores_.data(), classes_.data(), static_cast<int>(some.size()), best_.data(),
                best_class_.data());
  }
}

/// Of the leaves in places_, those whose classes can still win somewhere among the first `pixels`, the most
/// promising first.
void TileLabeler::compare_leaves(int pixels) {
  std::swap(leaf_places_, places_);
  if (!leaf_wager_.accept()) {
    for (const int leaf : leaf_places_) compare_leaf(leaf);
    return;
  }
  by_score_.clear();
  scorer_.scores(scorer_.branches(), leaf_places_, leaf_scores_);
  for (std::size_t i = 0; i < leaf_places_.size(); ++i) {
    const float* score = &leaf_scores_[i * kBlock];
    by_score_.emplace_back(-*std::max_element(score, score + pixels), i);
  }
  std::sort(by_score_.begin(), by_score_.end());
  int spared = 0;
  for (const auto& [score, i] : by_score_) {
    const float* highest = &leaf_scores_[i * kBlock];
    bool open = false;
    for (int p = 0; p < pixels; ++p) open |= highest[p] >= best_[static_cast<std::size_t>(p)];
    if (open)
      compare_leaf(leaf_places_[i]);
    else
      ++spared;
  }
  leaf_wager_.settle(static_cast<float>(spared * kPanel) * kClassCost -
                     static_cast<float>(leaf_places_.size()) * (kClassCost + kLeafCost));
}

void TileLabeler::compare_leaf(int leaf) {
  places_.clear();
  for (std::uint32_t mask = tree_->all_classes()[static_cast<std::size_t>(leaf)].mask; mask != 0;
       mask &= mask - 1)
    places_.push_back(leaf * kPanel + std::countr_zero(mask));
  compare_classes(places_);
}

void TileLabeler::label_block(const Region& block, const Contest& contest) {
  const std::span<const float> sigma = scorer_.sigmas(block);
  best_.fill(-1.0f);
  best_class_.fill(std::numeric_limits<std::int32_t>::max());
  places_of(contest);
  if (contest.classes)
    compare_classes(places_);
  else
    compare_leaves(block.height * block.width);
  for (int p = 0; p < block.height * block.width; ++p) {
    const auto i = static_cast<std::size_t>(p);
    Label& label = result_->labels.row(block.y + p / block.width)[block.x + p % block.width];
    label = static_cast<Label>(best_class_[i]);
    if (options_->label_scores)
      result_->label_scores[static_cast<std::size_t>(&label - result_->labels.labels.data())] =
          best_[i] / scorer_.total_weight(block, p);
    if (options_->background == Background::kOther && options_->min_coverage > 0.0f) {
      float covered = 0.0f;
      for (std::size_t q = i; q < sigma.size(); q += kBlock) covered = std::max(covered, sigma[q]);
      if (covered < options_->min_coverage) label = static_cast<Label>(options_->classes);
    }
  }
}

}  // namespace san::head
