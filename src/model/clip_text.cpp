#include "model/clip_text.h"

namespace san {

ClipText::ClipText(const ParamScope& s, const ClipConfig& c) {
  const std::int64_t d = c.text_width;
  position_embedding_ = s.tensor("positional_embedding", {c.context, d}, {1, c.context, d});
  for (int i = 0; i < c.text_layers; ++i)
    blocks_.emplace_back(s.at("transformer.resblocks", i), BlockShape{d, c.text_heads, 4 * d, c.activation},
                         BlockStyle::kClip);
  token_embedding_ = s.table("token_embedding.weight", c.vocabulary, d);
  ln_final_ = s.at("ln_final").layer_norm(d, 1e-5f);
  projection_ = s.projection("text_projection", d, c.embed_dim);
}

Tensor ClipText::forward(Backend& b, const Tensor& ids, const Tensor& ends) const {
  const Backend::Scope scope(b, "ov_classifier");
  const std::int64_t batch = ids[0], length = ids[1];
  Tensor x =
      b.add(b.embedding(token_embedding_, ids), b.slice(position_embedding_, 1, 0, length));  // [B, T, d]
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Backend::Scope block(b, "transformer.resblocks", static_cast<int>(i));
    x = blocks_[i].forward(b, x, /*causal=*/true);
  }
  const Tensor last = ends ? b.matmul(ends, x) : b.slice(x, 1, length - 1, length);
  const Tensor end = b.layer_norm(last, ln_final_);  // [B, 1, d]
  return b.reshape(b.l2_normalize(b.linear(end, projection_)), {batch, projection_.out});
}

Tensor prompt_ids(Backend& b, const std::vector<std::vector<int>>& prompts) {
  std::vector<std::int32_t> ids;
  for (const auto& prompt : prompts) ids.insert(ids.end(), prompt.begin(), prompt.end());
  return b.from_ids(
      {static_cast<std::int64_t>(prompts.size()), static_cast<std::int64_t>(prompts.at(0).size())}, ids);
}

}  // namespace san
