#include "model/san.h"

#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"

namespace san {
namespace {

const SanConfig& valid(const SanConfig& config) {
  config.validate();
  return config;
}

std::set<int> layers_read(const SanConfig& c) {
  std::set<int> read{c.recognition_start()};
  for (const auto& [block, layer] : c.fusion) read.insert(layer);
  return read;
}

}  // namespace

San::San(ParamLoader& loader, const SanConfig& c)
    : config_(valid(c)),
      clip_(ParamScope(loader, "clip_visual_extractor"), c.clip, c.feature_layer, layers_read(c)),
      adapter_(ParamScope(loader, "side_adapter_network"), c),
      recognition_(ParamScope(loader, "clip_rec_head"), c, clip_),
      background_(ParamScope(loader, "ov_classifier")
                      .tensor("bg_embed", {1, c.clip.embed_dim}, {1, c.clip.embed_dim})),
      logit_scale_(ParamScope(loader, "ov_classifier").tensor("logit_scale", {}, {1})) {}

// Tensors are let go as soon as nobody reads them: what is alive at a time decides about memory.
SmallVector<SanOutput, 2> San::forward(Backend& b, Tensor image, Grid size, bool supervised,
                                       Form form) const {
  const bool definition = form == Form::kDefinition || (form == Form::kBackendChoice && b.literal());
  const double s = config_.clip_scale;
  const auto scaled = [s](std::int64_t n) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(n) * s));
  };
  const Grid clip_size = s == 1.0 ? size : Grid{scaled(size.height), scaled(size.width)};
  Tensor clip_image = s == 1.0 ? image : b.resize(image, {size, clip_size, Interpolation::kBilinear, s});
  b.tap("input_padded", image);
  b.tap("clip_input", clip_image);
  ClipFeatures shallow = clip_.forward(b, std::move(clip_image), clip_size);
  const ClipFeatures features = shallow.only(config_.recognition_start());
  SmallVector<SanOutput, 2> out;
  for (const Proposals& p : adapter_.forward(b, std::move(image), size, std::move(shallow), supervised)) {
    b.tap("rec_attn_bias", p.bias);
    out.push_back({p.mask_logits, recognition_.forward(b, features, p.bias, definition)});
  }
  return out;
}

Tensor San::embed_images(Backend& b, const Tensor& images, Grid size) const {
  return recognition_.class_embedding(b, clip_.forward(b, images, size));
}

Tensor San::classifier(Backend& b, const Tensor& text) const {
  const Tensor rows = b.l2_normalize(b.concat({text, background_}, 0));  // [K + 1, D]
  b.tap("classifier", rows);
  return b.reshape(rows, {1, rows[0], rows[1]});
}

Tensor San::classify(Backend& b, const Tensor& embeddings, const Tensor& classifier) const {
  const Tensor logits =
      b.mul(b.matmul(embeddings, classifier, true), b.activate(logit_scale_, Activation::kExp));
  b.tap("mask_logits", logits);
  return logits;
}

bool official_trainable(std::string_view name) {
  return name.starts_with("side_adapter_network.") || name == "ov_classifier.bg_embed" ||
         name == "clip_visual_extractor.positional_embedding";
}

std::vector<Declaration> declare_parameters(const SanConfig& config, const TrainableRule& trainable) {
  ParamLoader loader(trainable);
  const San image_branch(loader, config);
  const ClipText text(ParamScope(loader, "ov_classifier"), config.clip);
  return loader.declarations();
}

}  // namespace san
