#include "model/clip_text.h"

#include <unordered_map>

namespace san {
namespace {

/// Row r of the result is row which[r] of x [1, N, d].
Tensor pick(Backend& b, const Tensor& x, std::span<const std::int32_t> which) {
  const auto count = static_cast<std::int64_t>(which.size());
  std::vector<float> ones(which.size() * static_cast<std::size_t>(x[1]));
  for (std::size_t r = 0; r < which.size(); ++r)
    ones[r * static_cast<std::size_t>(x[1]) + static_cast<std::size_t>(which[r])] = 1;
  return b.matmul(b.from_host({1, count, x[1]}, ones), x);
}

}  // namespace

ClipText::ClipText(const ParamScope& s, const ClipConfig& c) {
  const std::int64_t d = c.text_width;
  position_embedding_ = s.tensor("positional_embedding", {c.context, d}, {1, c.context, d});
  for (int i = 0; i < c.text_layers; ++i)
    blocks_.emplace_back(s.at("transformer.resblocks", i), BlockShape{d, c.text_heads, 4 * d, c.activation},
                         BlockStyle::kClip, /*split_queries=*/i + 1 == c.text_layers);
  token_embedding_ = s.table("token_embedding.weight", c.vocabulary, d);
  ln_final_ = s.at("ln_final").layer_norm(d, 1e-5f);
  projection_ = s.projection("text_projection", d, c.embed_dim);
}

Tensor ClipText::forward(Backend& b, const Tensor& ids, const Tensor& ends) const {
  const Backend::Scope scope(b, "ov_classifier");
  const std::int64_t length = ids[1];
  Tensor x =
      b.add(b.embedding(token_embedding_, ids), b.slice(position_embedding_, 1, 0, length));  // [B, T, d]
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Backend::Scope block(b, "transformer.resblocks", static_cast<int>(i));
    x = blocks_[i].forward(b, x, /*causal=*/true);
  }
  return project(b, ends ? b.matmul(ends, x) : b.slice(x, 1, length - 1, length));
}

Tensor ClipText::project(Backend& b, const Tensor& ends) const {
  const Tensor embeddings = b.l2_normalize(b.linear(b.layer_norm(ends, ln_final_), projection_));
  return b.reshape(embeddings, {ends[0] * ends[1], projection_.out});
}

Tensor ClipText::encode(Backend& b, const Prompts& prompts, Form form) const {
  require(!prompts.empty(), "text tower: no prompts");
  for (const auto& prompt : prompts)
    require(!prompt.empty() && static_cast<std::int64_t>(prompt.size()) <= position_embedding_[1],
            "text tower: a prompt of {} tokens, expected 1 to {}", prompt.size(), position_embedding_[1]);
  if (form == Form::kRewritten || (form == Form::kBackendChoice && !b.literal()))
    return encode_together(b, prompts);
  std::vector<Tensor> rows;
  for (const auto& prompt : prompts) rows.push_back(forward(b, prompt_ids(b, {prompt})));
  return b.concat(rows, 0);
}

Tensor ClipText::encode_together(Backend& b, const Prompts& prompts) const {
  const Backend::Scope scope(b, "ov_classifier");
  const PromptTree nodes(prompts);
  const auto count = static_cast<std::int64_t>(nodes.ids.size());
  Tensor x = b.add(b.embedding(token_embedding_, b.from_ids({1, count}, nodes.ids)),
                   pick(b, position_embedding_, nodes.tree.depths()));  // [1, N, d]
  for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) {
    const Backend::Scope block(b, "transformer.resblocks", static_cast<int>(i));
    x = blocks_[i].forward(b, x, nodes.tree);
  }
  const Backend::Scope block(b, "transformer.resblocks", static_cast<int>(blocks_.size()) - 1);
  return project(b, blocks_.back().forward(b, x, nodes.tree, pick(b, x, nodes.ends), nodes.ends));
}

PromptTree::PromptTree(const Prompts& prompts) {
  std::unordered_map<std::uint64_t, std::int32_t> known;  // by parent and token
  for (const auto& prompt : prompts) {
    std::int32_t node = -1;
    for (const int token : prompt) {
      const auto key =
          std::uint64_t{static_cast<std::uint32_t>(node)} << 32 | static_cast<std::uint32_t>(token);
      const auto [found, added] = known.try_emplace(key, static_cast<std::int32_t>(ids.size()));
      if (added) {
        ids.push_back(token);
        tree.parents.push_back(node);
      }
      node = found->second;
    }
    ends.push_back(node);
  }
}

Tensor prompt_ids(Backend& b, const Prompts& prompts) {
  std::vector<std::int32_t> ids;
  for (const auto& prompt : prompts) ids.insert(ids.end(), prompt.begin(), prompt.end());
  return b.from_ids(
      {static_cast<std::int64_t>(prompts.size()), static_cast<std::int64_t>(prompts.at(0).size())}, ids);
}

}  // namespace san
