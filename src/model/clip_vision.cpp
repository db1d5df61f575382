#include "model/clip_vision.h"

namespace san {

Tensor ClipFeatures::patches(Backend& b, int layer) const {
  const Tensor& x = tokens[static_cast<std::size_t>(layer)];
  return b.slice(x, 1, 1, x[1]);
}

ClipFeatures ClipFeatures::only(int layer) const {
  ClipFeatures out{{}, grid};
  for (int i = 0; i < layer; ++i) out.tokens.push_back({});
  out.tokens.push_back(tokens[static_cast<std::size_t>(layer)]);
  return out;
}

ClipVision::ClipVision(const ParamScope& s, const ClipConfig& c, int blocks, std::set<int> read)
    : config_(c), read_(std::move(read)) {
  const std::int64_t d = c.width, positions = 1 + c.grid * c.grid;
  class_embedding_ = s.tensor("class_embedding", {d}, {1, 1, d});
  position_embedding_ = s.tensor("positional_embedding", {positions, d}, {1, positions, d});
  conv1_ = s.at("conv1").patch_embed(c.patch, d, false);
  ln_pre_ = s.at("ln_pre").layer_norm(d, 1e-5f);
  for (int i = 0; i < blocks; ++i)
    blocks_.emplace_back(s.at("resblocks", i), BlockShape{d, c.heads, 4 * d, c.activation},
                         BlockStyle::kClip);
}

Tensor ClipVision::position(Backend& b, Grid grid) const {
  const Grid trained{config_.grid, config_.grid};
  if (grid == trained) return position_embedding_;
  const Tensor class_part = b.slice(position_embedding_, 1, 0, 1);
  const Tensor grid_part = b.slice(position_embedding_, 1, 1, 1 + trained.tokens());
  return b.concat({class_part, b.resize(grid_part, {trained, grid, Interpolation::kBicubic})}, 1);
}

Tensor ClipVision::embed(Backend& b, Tensor image, Grid size) const {
  const Tensor patches = b.patch_embed(image, size, conv1_);                               // [B, h·w, d]
  const Tensor class_token = b.broadcast(class_embedding_, {image[0], 1, config_.width});  // [B, 1, d]
  image = {};
  const Tensor positions =
      position(b, {size.height / config_.patch, size.width / config_.patch});  // [1, 1 + h·w, d]
  b.tap("clip_pos_embed", positions);
  const Tensor x = b.add(b.concat({class_token, patches}, 1), positions);
  b.tap("clip_tokens_pre_ln", x);
  return b.layer_norm(x, ln_pre_);
}

ClipFeatures ClipVision::forward(Backend& b, Tensor image, Grid size) const {
  const Backend::Scope scope(b, "clip_visual_extractor");
  ClipFeatures out;
  out.grid = {size.height / config_.patch, size.width / config_.patch};
  Tensor x = embed(b, std::move(image), size);
  for (int i = 0;; ++i) {
    b.tap("clip_feat_{}", x, i);
    out.tokens.push_back(read_.contains(i) ? x : Tensor());
    if (i == static_cast<int>(blocks_.size())) return out;
    const Backend::Scope block(b, "resblocks", i);
    x = blocks_[static_cast<std::size_t>(i)].forward(b, x);
  }
}

}  // namespace san
