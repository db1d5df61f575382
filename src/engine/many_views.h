#pragma once
#include <functional>

#include "engine/engine.h"
#include "engine/views.h"
#include "san/tiles.hpp"

namespace san {

/// The answers for the views of a picture, one after the other, placed on it: their HeadViews carry window
/// and ramps. Of `options` the look's sides are those of the views.
std::vector<Logits> look_in_views(Session& session, const Image& picture,
                                  const std::shared_ptr<const TextEmbeddings>& vocabulary,
                                  std::span<const View> views, const LookOptions& options);
/// The HeadViews of several answers; they borrow from them.
std::vector<HeadView> head_views(std::span<const Logits> logits);

/// Told what was found in rows [y, y + rows.labels.height) of the picture, in its full width. May move from
/// it.
using TakeRows = std::function<void(int y, SegmentationResult& rows)>;

/// Milliseconds by stage, summed over views.
struct TileTimes {
  double resize_ms = 0, network_ms = 0, labels_ms = 0;

  void add(const Logits& look);
};

/// Labels a picture tile by tile (`views.tiles`, each tile looked at as `views` says), bands of rows from top
/// to bottom. Memory: one tile, what the network made of two rows of tiles (three where overlaps meet), and
/// one band. Any band is a part of what the head makes of all tiles at once, to the last bit. `progress`
/// counts tiles; may be empty. Throws Error as TileGrid, Session and `read` do.
void segment_tiles(Session& session, const PictureParts& picture,
                   const std::shared_ptr<const TextEmbeddings>& vocabulary, const ViewOptions& views,
                   const SegmentOptions& options,
                   const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                   const TakeRows& take, TileTimes* times = nullptr);

/// The same for a picture in memory, into a result of before.
void segment_tiles(Session& session, const Image& picture,
                   const std::shared_ptr<const TextEmbeddings>& vocabulary, const ViewOptions& views,
                   const SegmentOptions& options,
                   const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                   SegmentationResult& result, TileTimes* times = nullptr);

}  // namespace san
