#include "san/stream.hpp"

#include <map>

#include "api/internal.h"
#include "checkpoint/safetensors.h"
#include "temporal/query_clusters.h"
#include "temporal/query_memory.h"

namespace san {
namespace {

constexpr const char* kStreamFormat = "san stream 1";
constexpr int kLongest = 1 << 16;

/// The numbers of a frame's geometry, in the order of the file.
template <class Features, class Visit>
void each_length(Features& f, Visit&& visit) {
  visit(f.height), visit(f.width), visit(f.view.queries);
  visit(f.view.grid_height), visit(f.view.grid_width);
  visit(f.view.padded_height), visit(f.view.padded_width);
  visit(f.view.content_height), visit(f.view.content_width);
}

QueryMemory::State read_state(const SafetensorsFile& file) {
  const std::string& where = file.description();
  const std::vector<std::int64_t> lengths = file.load("lengths").to_i64(), ages = file.load("ages").to_i64();
  auto f = std::make_shared<MaskFeatures>();
  std::size_t at = 0;
  require(lengths.size() == 9, "{}: damaged", where);
  each_length(*f, [&](int& length) {
    require(lengths[at] > 0 && lengths[at] <= kLongest, "{}: a length of {}", where, lengths[at]);
    length = static_cast<int>(lengths[at++]);
  });
  f->masks = file.load("masks").to_f32(), f->embeddings = file.load("embeddings").to_f32();
  const auto queries = static_cast<std::size_t>(f->view.queries);
  require(f->masks.size() == queries * static_cast<std::size_t>(f->view.grid_height) *
                                 static_cast<std::size_t>(f->view.grid_width) &&
              !f->embeddings.empty() && f->embeddings.size() % queries == 0 && ages.size() == queries,
          "{}: the lengths of its parts do not fit", where);
  f->view.mask_logits = f->masks;
  return {std::move(f), {ages.begin(), ages.end()}};
}

}  // namespace

struct Stream::Impl {
  QueryMemory memory;
  Recycler<ImageFeatures::Impl> features{};
};
struct WholeClip::Impl {
  QueryClusters clusters;
  QueryMemory memory;
  Recycler<ImageFeatures::Impl> features{};
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
  return ImageFeatures(ImageFeatures::Impl::make(impl().features, impl().memory.next(f.features), f.engine));
}
bool Stream::began_scene() const {
  return impl().memory.began_scene();
}
void Stream::forget() {
  impl().memory.forget();
}

void Stream::save(const std::filesystem::path& path) const {
  const QueryMemory::State state = impl().memory.state();
  std::map<std::string, HostArray> values;
  if (const MaskFeatures* f = state.latest.get()) {
    std::vector<std::int32_t> lengths;
    each_length(*f, [&](int length) { lengths.push_back(length); });
    const auto count = [](const auto& list) { return Shape{static_cast<std::int64_t>(list.size())}; };
    values = {{"lengths", HostArray::from_i32(count(lengths), lengths)},
              {"ages", HostArray::from_i32(count(state.ages), {state.ages.begin(), state.ages.end()})},
              {"masks", HostArray::from(count(f->masks), f->masks)},
              {"embeddings", HostArray::from(count(f->embeddings), f->embeddings)}};
  }
  std::vector<TensorInfo> tensors;
  for (const auto& [name, value] : values) tensors.push_back({name, value.dtype, value.shape});
  write_safetensors(path, tensors, {{"format", kStreamFormat}},
                    [&](const TensorInfo& tensor) { return values.at(tensor.name); });
}

void Stream::load(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  const auto format = file->metadata().find("format");
  require(format != file->metadata().end() && format->second == kStreamFormat,
          "{}: not a saved stream; expected \"format\": \"{}\"", path.string(), kStreamFormat);
  impl().memory.restore(file->names().empty() ? QueryMemory::State{} : read_state(*file));
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
  Impl& c = impl();
  return ImageFeatures(
      ImageFeatures::Impl::make(c.features, c.memory.next(c.clusters.steady(*f.features)), f.engine));
}

}  // namespace san
