#include "engine/many_views.h"

#include <algorithm>
#include <chrono>
#include <deque>

#include "base/error.h"
#include "image/crop.h"

namespace san {
namespace {

using Clock = std::chrono::steady_clock;

LookOptions look_of(const View& view, LookOptions options) {
  options.short_side = view.short_side;
  options.long_side = view.max_side;
  options.mirrored = view.mirrored;
  return options;
}

/// What the network made of the tiles that may still reach into rows to come.
class TileRows {
 public:
  explicit TileRows(const TileGrid& grid) : grid_(grid) {}

  void begin(std::size_t row) {
    while (!rows_.empty() && grid_.ys[rows_.front().row] + grid_.tile_height <= grid_.ys[row])
      rows_.pop_front();
    rows_.push_back({row, std::vector<std::vector<Logits>>(grid_.xs.size())});
  }
  void add(std::size_t column, std::vector<Logits> looks) { rows_.back().tiles[column] = std::move(looks); }

  /// Those that reach into columns [x, x + width).
  std::vector<HeadView> reaching(int x, int width) const {
    std::vector<HeadView> views;
    for (const Row& row : rows_)
      for (std::size_t column = 0; column < grid_.xs.size(); ++column)
        if (grid_.xs[column] < x + width && grid_.xs[column] + grid_.tile_width > x)
          for (const HeadView& view : head_views(row.tiles[column])) views.push_back(view);
    return views;
  }

 private:
  struct Row {
    std::size_t row;
    std::vector<std::vector<Logits>> tiles;
  };
  const TileGrid& grid_;
  std::deque<Row> rows_;
};

/// Where cell `i` of an axis ends: cells begin where tiles do, the last one ends with the picture.
int end_of(const std::vector<int>& starts, std::size_t i, int length) {
  return i + 1 < starts.size() ? starts[i + 1] : length;
}

void place(const SegmentationResult& cell, int x, SegmentationResult& band) {
  for (int y = 0; y < cell.labels.height; ++y) {
    std::copy_n(cell.labels.row(y), cell.labels.width, band.labels.row(y) + x);
    if (cell.label_scores.empty()) continue;
    const auto width = static_cast<std::size_t>(cell.labels.width);
    std::copy_n(&cell.label_scores[static_cast<std::size_t>(y) * width], width,
                &band.label_scores[static_cast<std::size_t>(y) * static_cast<std::size_t>(band.labels.width) +
                                   static_cast<std::size_t>(x)]);
  }
  for (std::size_t k = 0; k < cell.areas.size(); ++k) band.areas[k] += cell.areas[k];
}

void prepare(SegmentationResult& result, int height, int width, std::size_t classes, bool scores) {
  result.labels.height = height, result.labels.width = width;
  result.labels.labels.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  result.label_scores.resize(scores ? result.labels.labels.size() : 0);
  result.areas.assign(classes + 1, 0);
}

}  // namespace

void TileTimes::add(const Logits& look) {
  resize_ms += look.features->resize_ms;
  network_ms += look.features->look_ms - look.features->resize_ms + look.name_ms;
}

std::vector<Logits> look_in_views(Session& session, const Image& picture,
                                  const std::shared_ptr<const TextEmbeddings>& vocabulary,
                                  std::span<const View> views, const LookOptions& options) {
  std::vector<Logits> answers;
  for (const View& view : views) {
    const Region& w = view.window;
    const bool whole = w.height == 0;
    answers.push_back(session.name(
        session.look(whole ? picture : crop(picture, w.y, w.x, w.height, w.width), look_of(view, options)),
        vocabulary));
    answers.back().view.region = w;
    answers.back().view.ramps = view.ramps;
  }
  return answers;
}

std::vector<HeadView> head_views(std::span<const Logits> logits) {
  std::vector<HeadView> views;
  for (const Logits& l : logits) views.push_back(l.view);
  return views;
}

void segment_tiles(Session& session, const PictureParts& picture,
                   const std::shared_ptr<const TextEmbeddings>& vocabulary, const ViewOptions& views,
                   const SegmentOptions& options,
                   const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                   const TakeRows& take, TileTimes* times) {
  require_possible(session.engine().method_info(), options.background);
  const TileGrid grid(picture.height, picture.width, views.tiles);
  const std::vector<int> row_class = vocabulary->row_classes();
  HeadOptions head = head_options(*vocabulary, row_class, options);
  const auto total = static_cast<std::int64_t>(grid.ys.size() * grid.xs.size());
  std::int64_t done = 0;
  TileRows rows(grid);
  Image pixels;
  SegmentationResult cell, whole;
  for (std::size_t row = 0; row < grid.ys.size(); ++row) {
    rows.begin(row);
    for (std::size_t column = 0; column < grid.xs.size(); ++column) {
      const Region tile = grid.tile(row, column);
      picture.read(tile.y, tile.x, tile.height, tile.width, pixels);
      require(pixels.height == tile.height && pixels.width == tile.width,
              "tiles: {}x{} pixels were asked for and {}x{} came", tile.width, tile.height, pixels.width,
              pixels.height);
      std::vector<Logits> looks = look_in_views(session, pixels, vocabulary,
                                                looks_at({}, grid.ramps(row, column), views), options.look);
      for (Logits& look : looks) {
        look.view.region = tile;
        if (times != nullptr) times->add(look);
      }
      rows.add(column, std::move(looks));
      if (progress) progress(++done, total);
    }
    const auto start = Clock::now();
    const int y = grid.ys[row], height = end_of(grid.ys, row, grid.height) - y;
    prepare(whole, height, grid.width, static_cast<std::size_t>(head.asked()), options.label_scores);
    for (std::size_t column = 0; column < grid.xs.size(); ++column) {
      const int x = grid.xs[column];
      head.part = {y, x, height, end_of(grid.xs, column, grid.width) - x};
      session.segmentation_head().run(rows.reaching(x, head.part.width), grid.height, grid.width, head, cell);
      place(cell, x, whole);
    }
    if (times != nullptr)
      times->labels_ms += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    take(y, whole);
  }
}

void segment_tiles(Session& session, const Image& picture,
                   const std::shared_ptr<const TextEmbeddings>& vocabulary, const ViewOptions& views,
                   const SegmentOptions& options,
                   const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                   SegmentationResult& result, TileTimes* times) {
  const std::vector<int> row_class = vocabulary->row_classes();
  prepare(result, picture.height, picture.width,
          static_cast<std::size_t>(head_options(*vocabulary, row_class, options).asked()),
          options.label_scores);
  const PictureParts parts{
      picture.height, picture.width,
      [&](int y, int x, int height, int width, Image& into) { into = crop(picture, y, x, height, width); }};
  const auto take = [&](int y, const SegmentationResult& rows) {
    const std::size_t at = static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width);
    std::ranges::copy(rows.labels.labels, result.labels.labels.begin() + static_cast<std::ptrdiff_t>(at));
    std::ranges::copy(rows.label_scores, result.label_scores.begin() + static_cast<std::ptrdiff_t>(at));
    for (std::size_t k = 0; k < rows.areas.size(); ++k) result.areas[k] += rows.areas[k];
  };
  segment_tiles(session, parts, vocabulary, views, options, progress, take, times);
}

}  // namespace san
