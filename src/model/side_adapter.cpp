#include "model/side_adapter.h"

namespace san {

namespace {

// What the last layer of the bias perceptron makes of each token, [B, h·w, groups·e], as its biases for unit
// vectors.
Tensor bias_channels(Backend& b, const Tensor& hidden, const GroupedLinearWeight& last) {
  const std::int64_t e = last.out / last.groups;
  std::vector<float> unit(static_cast<std::size_t>(e * e), 0.0f);
  for (std::int64_t i = 0; i < e; ++i) unit[static_cast<std::size_t>(i * (e + 1))] = 1;
  const Tensor units = b.broadcast(b.from_host({1, e, e}, unit), {hidden[0], e, e});
  const Tensor channels = b.attention_bias(units, hidden, last, {});  // [B, groups, e, h·w]
  return b.reshape(b.permute(channels, {0, 3, 1, 2}), {hidden[0], hidden[1], last.out});
}

}  // namespace

HeadLayers::HeadLayers(const ParamScope& s, std::int64_t in, std::int64_t hidden, bool convolution)
    : first(s.at("layers", 0).linear(in, hidden, convolution)),
      second(s.at("layers", 1).linear(hidden, hidden, convolution)) {}

Tensor HeadLayers::forward(Backend& b, const Tensor& x) const {
  return b.linear(b.linear(x, first, {Activation::kRelu, {}}), second, {Activation::kRelu, {}});
}

HeadMlp::HeadMlp(const ParamScope& s, std::int64_t in, std::int64_t hidden, std::int64_t out,
                 bool convolution)
    : layers(s, in, hidden, convolution), last(s.at("layers", 2).linear(hidden, out, convolution)) {}

BiasMlp::BiasMlp(const ParamScope& s, const SanConfig& c)
    : layers(s, c.width, c.mlp_channels, true),
      last(s.at("layers", 2)
               .grouped_linear(c.mlp_channels, c.embed_channels * c.bias_groups(), c.bias_groups(), true)) {}

SideAdapter::SideAdapter(const ParamScope& s, const SanConfig& c)
    : config_(c),
      query_mlp_(s.at("mask_decoder.query_mlp"), c.width, c.mlp_channels, c.embed_channels, false),
      pix_mlp_(s.at("mask_decoder.pix_mlp"), c.width, c.mlp_channels, c.embed_channels, true) {
  const std::int64_t w = c.width, tokens = (c.image_size / c.patch) * (c.image_size / c.patch);
  query_embed_ = s.tensor("query_embed", {1, c.queries, w}, {1, c.queries, w});
  query_position_ = s.tensor("query_pos_embed", {1, c.queries, w}, {1, c.queries, w});
  const ParamScope vit = s.at("vit_model");
  position_embedding_ = vit.tensor("pos_embed", {1, tokens, w}, {1, tokens, w});
  patch_embed_ = vit.at("patch_embed.proj").patch_embed(c.patch, w, true);
  for (int i = 0; i < c.blocks; ++i)
    blocks_.emplace_back(vit.at("blocks", i), BlockShape{w, c.heads, 4 * w, Activation::kGelu},
                         BlockStyle::kTimm);
  for (const auto& [block, layer] : c.fusion) {
    const ParamScope at = s.at("fusion_layers.layer_" + std::to_string(block)).at("input_proj");
    fusion_[block] = {layer, at.at("0").layer_norm(c.clip.width, 1e-6f),
                      at.at("1").linear(c.clip.width, w, true)};
  }
  const ParamScope decoder = s.at("mask_decoder");
  if (c.decoupled_heads) attn_mlp_.emplace(decoder.at("attn_mlp"), c);
  scaling_ = {decoder.at("bias_scaling").tensor("weight", {1, 1}, {1}),
              decoder.at("bias_scaling").tensor("bias", {1}, {1})};
}

Tensor SideAdapter::position(Backend& b, Grid grid) const {
  const std::int64_t side = config_.image_size / config_.patch;
  Tensor patches = position_embedding_;
  // By token count, not by shape, as the released weights were trained (docs/network.md §11).
  if (grid.tokens() != side * side)
    patches = b.resize(patches, {{side, side}, grid, Interpolation::kBicubic});
  b.tap("side_pos_embed", patches);
  return b.concat({query_position_, patches}, 1);
}

Tensor SideAdapter::fuse(Backend& b, int block, const Tensor& x, Grid grid, const ClipFeatures& clip) const {
  const auto found = fusion_.find(block);
  if (found == fusion_.end()) return x;
  const auto& [layer, norm, projection] = found->second;
  const std::int64_t queries = config_.queries;
  const Tensor feature = b.linear(b.layer_norm(clip.patches(b, layer), norm), projection);  // [B, h'·w', w]
  const Tensor patches = b.add(b.slice(x, 1, queries, x[1]), b.resize(feature, {clip.grid, grid}));
  b.tap("fusion_layer_{}_out", patches, block);
  return b.concat({b.slice(x, 1, 0, queries), patches}, 1);
}

Tensor SideAdapter::embed(Backend& b, const Tensor& image, Grid size) const {
  const Tensor patches = b.patch_embed(image, size, patch_embed_);  // [B, h·w, w]
  b.tap("side_patch_tokens", patches);
  return b.concat({b.broadcast(query_embed_, {image[0], config_.queries, config_.width}), patches}, 1);
}

SmallVector<Proposals, 2> SideAdapter::forward(Backend& b, Tensor image, Grid size, ClipFeatures clip,
                                               bool supervised) const {
  const Backend::Scope scope(b, "side_adapter_network");
  const Grid grid{size.height / config_.patch, size.width / config_.patch};
  Tensor x = embed(b, image, size);
  image = {};
  const Grid clip_grid = clip.grid;
  const Tensor positions = position(b, grid);  // [1, Q + h·w, w]
  x = fuse(b, 0, b.add(x, positions), grid, clip);

  SmallVector<Proposals, 2> out;
  auto next = config_.supervision.begin();
  for (int i = 1; i <= config_.blocks; ++i) {
    const Backend::Scope block_scope(b, "blocks", i - 1);
    const TransformerBlock& block = blocks_[static_cast<std::size_t>(i - 1)];
    // Positions are added again before every block but the first, which has them from above.
    Normed in = i == 1 ? Normed{x, b.layer_norm(x, block.ln_1)} : b.add_layer_norm(x, positions, block.ln_1);
    b.tap("side_block_{}_in", in.sum, i);
    x = block.forward(b, std::move(in));
    b.tap("side_block_{}_out", x, i);
    x = fuse(b, i, x, grid, clip);
    if (fusion_.upper_bound(i) == fusion_.end()) clip = {};
    if (i != *next) continue;
    if (supervised || i == config_.blocks) out.push_back(decode(b, x, grid, clip_grid));
    ++next;
  }
  return out;
}

Proposals SideAdapter::decode(Backend& b, const Tensor& x, Grid grid, Grid clip_grid) const {
  const Backend::Scope scope(b, "mask_decoder");
  const Tensor patches = b.slice(x, 1, config_.queries, x[1]);                      // [B, h·w, w]
  const Tensor queries = query_mlp_.forward(b, b.slice(x, 1, 0, config_.queries));  // [B, Q, e]
  Tensor pixels = pix_mlp_.forward(b, patches);                                     // [B, h·w, e]
  b.tap("decoder_query_mlp_out", queries);
  b.tap("decoder_pix_mlp_out", pixels);
  Proposals out;
  out.mask_logits = b.matmul(queries, pixels, true);  // [B, Q, h·w]
  pixels = {};
  if (!attn_mlp_) {
    const Tensor scaled = b.add(b.mul(out.mask_logits, scaling_.scale), scaling_.shift);
    const Tensor bias = b.reshape(scaled, {x[0], 1, config_.queries, patches[1]});
    b.tap("attn_bias", bias);
    out.bias = b.adaptive_max_pool(bias, grid, clip_grid);
  } else {
    const Tensor hidden = attn_mlp_->layers.forward(b, patches);
    if (b.tapped()) {
      b.tap("decoder_attn_mlp_out", bias_channels(b, hidden, attn_mlp_->last));
      b.tap("attn_bias", b.attention_bias(queries, hidden, attn_mlp_->last, scaling_));
    }
    out.bias = b.pooled_attention_bias(queries, hidden, attn_mlp_->last, scaling_, grid, clip_grid);
  }
  b.tap("mask_preds", out.mask_logits);
  return out;
}

}  // namespace san
