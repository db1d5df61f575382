#include "train/contrastive.h"

#include <algorithm>
#include <unordered_map>

#include "backend/torch/matmul.h"

namespace san {

ContrastiveClip::ContrastiveClip(std::shared_ptr<TorchBackend> backend, const ParameterSource& source,
                                 const ClipConfig& config, int feature_layer, TrainableRule trainable)
    : backend_(std::move(backend)),
      loader_(*backend_, source, std::move(trainable)),
      vision_(ParamScope(loader_, "clip_visual_extractor"), config, feature_layer, {feature_layer}),
      text_(ParamScope(loader_, "ov_classifier"), config) {
  const ParamScope deep(loader_, "clip_rec_head");
  for (int i = feature_layer; i < config.layers; ++i)
    deep_.emplace_back(deep.at("resblocks", i - feature_layer),
                       BlockShape{config.width, config.heads, 4 * config.width, config.activation},
                       BlockStyle::kClip);
  ln_post_ = deep.at("ln_post").layer_norm(config.width, 1e-5f);
  projection_ = deep.projection("proj", config.width, config.embed_dim);
  logit_scale_ = ParamScope(loader_, "ov_classifier").tensor("logit_scale", {}, {1});
}

at::Tensor ContrastiveClip::embed_images(const at::Tensor& images) {
  TorchBackend& b = *backend_;
  const Grid size{images.size(1), images.size(2)};
  Tensor x =
      vision_.forward(b, TorchBackend::from_torch(images.view({images.size(0), size.tokens(), 3})), size)
          .tokens.back();  // [B, 1 + h·w, d]
  for (const TransformerBlock& block : deep_) x = block.forward(b, x);
  const Tensor class_token = b.layer_norm(b.slice(x, 1, 0, 1), ln_post_);
  return b.to_torch(b.l2_normalize(b.linear(class_token, projection_))).squeeze(1);
}

at::Tensor ContrastiveClip::embed_prompts(const std::vector<std::vector<int>>& prompts) {
  std::size_t longest = 0;
  for (const auto& p : prompts) longest = std::max(longest, p.size());
  std::vector<std::int32_t> ids(prompts.size() * longest, 0);
  std::vector<float> ends(ids.size(), 0);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    std::ranges::copy(prompts[i], ids.begin() + static_cast<std::ptrdiff_t>(i * longest));
    ends[i * longest + prompts[i].size() - 1] = 1;
  }
  TorchBackend& b = *backend_;
  const auto count = static_cast<std::int64_t>(prompts.size()), length = static_cast<std::int64_t>(longest);
  return b.to_torch(
      text_.forward(b, b.from_ids({count, length}, ids), b.from_host({count, 1, length}, ends)));
}

at::Tensor ContrastiveClip::logit_scale() const {
  return backend_->to_torch(logit_scale_);
}

at::Tensor info_nce(const at::Tensor& images, const at::Tensor& texts, const at::Tensor& all_images,
                    const at::Tensor& all_texts, std::int64_t first, const at::Tensor& logit_scale,
                    const std::vector<std::pair<int, int>>& alike) {
  const std::int64_t count = images.size(0), all = all_texts.size(0);
  std::vector<std::int64_t> masked_texts, masked_images;  // of our rows
  for (const auto& [image, text] : alike) {
    if (image >= first && image < first + count) masked_texts.push_back((image - first) * all + text);
    if (text >= first && text < first + count) masked_images.push_back((text - first) * all + image);
  }
  const at::Tensor own =
      at::arange(first, first + count, images.options().dtype(at::kLong).requires_grad(false));
  const auto direction = [&](const at::Tensor& rows, const at::Tensor& against,
                             const std::vector<std::int64_t>& masked) {
    at::Tensor logits = matmul_fast(rows, against.t()) * logit_scale.exp();  // [B, N]
    if (!masked.empty()) {
      const at::Tensor mask =
          at::zeros({logits.numel()}, logits.options().dtype(at::kBool).requires_grad(false));
      mask.index_fill_(0, at::tensor(masked, at::kLong).to(logits.device()), true);
      logits = logits.masked_fill(mask.view_as(logits), -1e4);
    }
    return at::cross_entropy_loss(logits, own);
  };
  return 0.5 * (direction(images, all_texts, masked_texts) + direction(texts, all_images, masked_images));
}

std::vector<std::pair<int, int>> alike_pairs(std::span<const std::vector<int>> subjects) {
  std::unordered_map<int, std::vector<int>> shown_by, named_by;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    shown_by[subjects[i].front()].push_back(static_cast<int>(i));
    for (const int s : subjects[i]) named_by[s].push_back(static_cast<int>(i));
  }
  std::vector<std::pair<int, int>> alike;
  for (const auto& [subject, pictures] : named_by)
    for (const int i : pictures)
      for (const int j : shown_by[subject])
        if (i != j) alike.insert(alike.end(), {{i, j}, {j, i}});
  std::ranges::sort(alike);
  alike.erase(std::unique(alike.begin(), alike.end()), alike.end());
  return alike;
}

}  // namespace san
