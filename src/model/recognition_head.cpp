#include "model/recognition_head.h"

namespace san {
namespace {

// Small enough to be exactly zero weight in float32 for practical logits (docs/network.md §6).
constexpr float kMasked = -100.0f;

// Column `part` (0 queries, 1 keys, 2 values) of packed projections.
Tensor part(Backend& b, const Tensor& packed, std::int64_t d, int index) {
  return b.slice(packed, -1, index * d, (index + 1) * d);
}

AttentionOptions sls_options(int heads, const Tensor& bias, const Tensor& key, const Tensor& value) {
  AttentionOptions o;
  o.heads = heads;
  o.bias = bias;
  o.self_key = key;
  o.self_value = value;
  return o;
}

// What the SLS tokens of block `index` ask [B, Q, d], and what they ask it of: their own keys [B, Q, d] and
// those of the patches [B, L, d].
void tap_attention(const Backend& b, std::size_t index, const Tensor& query, const Tensor& own,
                   const Tensor& patches) {
  b.tap("rec_sls_query_{}", query, index);
  b.tap("rec_sls_key_{}", own, index);
  b.tap("rec_patch_key_{}", patches, index);
}

// The paper's form: x [B, Q + 1 + L, d] with the dense mask [B, heads, Q + 1 + L, Q + 1 + L].
Tensor dense_block(Backend& b, const TransformerBlock& block, const Tensor& x, const Tensor& mask) {
  const std::int64_t d = block.shape.width;
  const Tensor packed = block.project(b, b.layer_norm(x, block.ln_1));
  AttentionOptions options;
  options.heads = block.shape.heads;
  options.bias = mask;
  return block.finish(
      b, b.attention(part(b, packed, d, 0), part(b, packed, d, 1), part(b, packed, d, 2), options), x);
}

// The same in two attentions: SLS tokens ask themselves and the patches; class and patch tokens ask one
// another.
Tensor cross_attention(Backend& b, const TransformerBlock& block, const Tensor& x, const Tensor& bias,
                       std::size_t index) {
  const std::int64_t d = block.shape.width, queries = bias[2];
  const Tensor packed = block.project(b, b.layer_norm(x, block.ln_1));
  const Tensor sls = b.slice(packed, 1, 0, queries), rest = b.slice(packed, 1, queries, x[1]);
  const Tensor patches = b.slice(packed, 1, queries + 1, x[1]);
  AttentionOptions plain;
  plain.heads = block.shape.heads;
  const Tensor rest_out = b.attention(part(b, rest, d, 0), part(b, rest, d, 1), part(b, rest, d, 2), plain);
  const Tensor query = part(b, sls, d, 0), own = part(b, sls, d, 1), keys = part(b, patches, d, 1);
  tap_attention(b, index, query, own, keys);
  const Tensor sls_out = b.attention(query, keys, part(b, patches, d, 2),
                                     sls_options(block.shape.heads, bias, own, part(b, sls, d, 2)));
  return b.concat({sls_out, rest_out}, 1);
}

// The last block: nobody reads its class and patch tokens, so they only lend keys and values. Returns the SLS
// tokens.
Tensor last_block(Backend& b, const TransformerBlock& block, const Tensor& x, const Tensor& bias,
                  std::size_t index) {
  const std::int64_t d = block.shape.width, queries = bias[2];
  const Tensor normed = b.layer_norm(x, block.ln_1);
  const Tensor q = b.linear(b.slice(normed, 1, 0, queries), block.query);  // [B, Q, d]
  const Tensor kv = b.linear(normed, block.key_value);                     // [B, Q + 1 + L, 2d]
  const Tensor sls = b.slice(kv, 1, 0, queries), patches = b.slice(kv, 1, queries + 1, x[1]);
  const Tensor own = part(b, sls, d, 0), keys = part(b, patches, d, 0);
  tap_attention(b, index, q, own, keys);
  const Tensor out = b.attention(q, keys, part(b, patches, d, 1),
                                 sls_options(block.shape.heads, bias, own, part(b, sls, d, 1)));
  return block.finish(b, out, b.slice(x, 1, 0, queries));
}

}  // namespace

RecognitionHead::RecognitionHead(const ParamScope& s, const SanConfig& c, const ClipVision& shallow)
    : config_(c) {
  const std::int64_t d = c.clip.width;
  for (int i = c.recognition_start(); i < c.clip.layers; ++i)
    if (i < c.feature_layer)
      blocks_.push_back(shallow.blocks()[static_cast<std::size_t>(i)]);
    else
      blocks_.emplace_back(s.at("resblocks", i - c.feature_layer),
                           BlockShape{d, c.clip.heads, 4 * d, c.clip.activation}, BlockStyle::kClip,
                           /*split_queries=*/i + 1 == c.clip.layers);
  ln_post_ = s.at("ln_post").layer_norm(d, 1e-5f);
  projection_ = s.projection("proj", d, c.clip.embed_dim);
}

Tensor RecognitionHead::dense_mask(Backend& b, const Tensor& bias) const {
  const std::int64_t batch = bias[0], heads = config_.clip.heads, q = bias[2], patches = bias[3],
                     rest = 1 + patches;
  std::vector<float> own(static_cast<std::size_t>(q * (q + 1)), kMasked);
  for (std::int64_t i = 0; i < q; ++i) own[static_cast<std::size_t>(i * (q + 1) + i)] = 0;
  std::vector<float> others(static_cast<std::size_t>(rest * (q + rest)), 0);
  for (std::int64_t i = 0; i < rest; ++i)
    for (std::int64_t j = 0; j < q; ++j) others[static_cast<std::size_t>(i * (q + rest) + j)] = kMasked;
  const Tensor sls_rows = b.concat({b.broadcast(b.from_host({1, 1, q, q + 1}, own), {batch, heads, q, q + 1}),
                                    b.broadcast(bias, {batch, heads, q, patches})},
                                   3);
  return b.concat(
      {sls_rows, b.broadcast(b.from_host({1, 1, rest, q + rest}, others), {batch, heads, rest, q + rest})},
      2);
}

Tensor RecognitionHead::layer_bias(Backend& b, const Tensor& bias, std::size_t layer) const {
  if (config_.bias_layers == 1) return bias;
  const auto begin = static_cast<std::int64_t>(layer) * config_.clip.heads;
  return b.slice(bias, 1, begin, begin + config_.clip.heads);
}

Tensor RecognitionHead::embed(Backend& b, const Tensor& x) const {
  return b.l2_normalize(b.linear(b.layer_norm(x, ln_post_), projection_));
}

Tensor RecognitionHead::class_embedding(Backend& b, const ClipFeatures& clip) const {
  Tensor x = clip.tokens[static_cast<std::size_t>(config_.recognition_start())];  // [B, 1 + L, d]
  for (const TransformerBlock& block : blocks_) x = block.forward(b, x);
  return b.reshape(embed(b, b.slice(x, 1, 0, 1)), {x[0], projection_.out});
}

Tensor RecognitionHead::dense_embeddings(Backend& b, const ClipFeatures& clip) const {
  Tensor x = clip.tokens[static_cast<std::size_t>(config_.recognition_start())];  // [B, 1 + L, d]
  for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) x = blocks_[i].forward(b, x);
  const TransformerBlock& last = blocks_.back();
  const Tensor patches = b.slice(x, 1, 1, x[1]);
  const Tensor values =
      part(b, b.linear(b.layer_norm(patches, last.ln_1), last.key_value), last.shape.width, 1);
  return embed(b, b.linear(values, last.out));
}

Tensor RecognitionHead::forward(Backend& b, const ClipFeatures& clip, const Tensor& bias,
                                bool definition) const {
  const Backend::Scope scope(b, "clip_rec_head");
  const std::int64_t queries = bias[2];
  const Tensor& features =
      clip.tokens[static_cast<std::size_t>(config_.recognition_start())];  // [B, 1 + L, d]
  const Tensor sls = b.broadcast(b.slice(features, 1, 0, 1), {features[0], queries, features[2]});
  Tensor x = b.concat({sls, features}, 1);  // [B, Q + 1 + L, d]
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Backend::Scope block_scope(b, "resblocks", static_cast<int>(i));
    const Tensor own_bias = layer_bias(b, bias, i);
    const bool last = i + 1 == blocks_.size();
    b.tap("rec_block_{}_in", x, i);
    if (definition) {
      const Tensor mask = dense_mask(b, own_bias);
      if (i == 0) b.tap("rec_attn_mask", mask);
      x = dense_block(b, blocks_[i], x, mask);
    } else {
      x = last ? last_block(b, blocks_[i], x, own_bias, i)
               : blocks_[i].finish(b, cross_attention(b, blocks_[i], x, own_bias, i), x);
    }
    b.tap("rec_block_{}_out", x, i);
  }
  if (definition) x = b.slice(x, 1, 0, queries);
  const Tensor embeddings = embed(b, x);  // [B, Q, D]
  b.tap("sls_embed", embeddings);
  return embeddings;
}

}  // namespace san
