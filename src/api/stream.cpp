#include "san/stream.hpp"

#include "api/internal.h"
#include "temporal/query_clusters.h"
#include "temporal/query_memory.h"

namespace san {

struct Stream::Impl {
  QueryMemory memory;
};
struct WholeClip::Impl {
  QueryClusters clusters;
  QueryMemory memory;
};

Stream::Stream(const StreamOptions& o)
    : impl_(new Impl{QueryMemory({.decay = o.decay, .mask_decay = o.mask_decay, .cut = o.cut})}) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Stream::Impl& Stream::impl() const {
  require(impl_ != nullptr, "stream: used after it was moved from");
  return *impl_;
}

ImageFeatures Stream::next(const ImageFeatures& frame) {
  const ImageFeatures::Impl& f = frame.impl();
  return ImageFeatures(std::make_shared<const ImageFeatures::Impl>(
      ImageFeatures::Impl{impl().memory.next(f.features), f.engine}));
}
bool Stream::began_scene() const {
  return impl().memory.began_scene();
}
void Stream::forget() {
  impl().memory.forget();
}

WholeClip::WholeClip(const WholeClipOptions& o)
    : impl_(new Impl{QueryClusters({.alike = o.alike, .share = o.share}),
                     QueryMemory({.decay = o.decay, .mask_decay = o.mask_decay})}) {}
WholeClip::WholeClip(WholeClip&&) noexcept = default;
WholeClip& WholeClip::operator=(WholeClip&&) noexcept = default;
WholeClip::~WholeClip() = default;

WholeClip::Impl& WholeClip::impl() const {
  require(impl_ != nullptr, "clip: used after it was moved from");
  return *impl_;
}

void WholeClip::add(const ImageFeatures& frame) {
  impl().clusters.add(*frame.impl().features);
}
ImageFeatures WholeClip::steady(const ImageFeatures& frame) {
  const ImageFeatures::Impl& f = frame.impl();
  return ImageFeatures(std::make_shared<const ImageFeatures::Impl>(
      ImageFeatures::Impl{impl().memory.next(impl().clusters.steady(*f.features)), f.engine}));
}

}  // namespace san
