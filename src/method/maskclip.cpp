#include <cmath>

#include "method/input.h"
#include "method/methods.h"
#include "model/recognition_head.h"

namespace san {
namespace {

struct DenseFeatures final : Features {
  std::size_t bytes() const override { return patches.size() * sizeof(float); }

  std::vector<float> patches;  // [h·w, D], norm 1
};

class MaskClip final : public Method {
 public:
  MaskClip(ParamLoader& loader, const SanConfig& c)
      : config_(c),
        shallow_(ParamScope(loader, "clip_visual_extractor"), c.clip, c.feature_layer,
                 {c.recognition_start()}),
        deep_(ParamScope(loader, "clip_rec_head"), c, shallow_),
        logit_scale_(ParamScope(loader, "ov_classifier").tensor("logit_scale", {}, {1})) {}

  // CLIP sees what the adapter would show it.
  InputSize input() const override {
    const auto side = static_cast<int>(static_cast<double>(config_.short_side) * config_.clip_scale);
    return {side, 4 * side};
  }

  std::unique_ptr<Features> look(const Compute& compute, const Image& picture,
                                 const LookOptions& options) const override {
    Backend& b = compute.backend;
    const auto patch = static_cast<int>(config_.clip.patch);
    NetworkInput input = fit_picture(compute, picture, this->input(), options, patch, patch);
    const Grid size{input.height, input.width};
    auto seen = std::make_unique<DenseFeatures>();
    seen->patches = b.to_host(deep_.dense_embeddings(b, shallow_.forward(b, std::move(input.image), size)));
    seen->resize_ms = input.ms;
    seen->view = view_of(input, {size.height / patch, size.width / patch}, options.mirrored);
    seen->view.grid_scale = std::exp(b.to_host(logit_scale_).front());
    return seen;
  }

  std::unique_ptr<Classifier> prepare(Backend& b, const TextEmbeddings& vocabulary) const override {
    return std::make_unique<ClassifierRows>(
        b.from_host({1, vocabulary.row_count(), vocabulary.dim}, vocabulary.rows));
  }

  Logits name(const Compute& compute, std::shared_ptr<const Features> features,
              const Classifier& classifier) const override {
    Backend& b = compute.backend;
    const auto& seen = own<DenseFeatures>(*features);
    const std::int64_t dim = config_.clip.embed_dim,
                       cells = static_cast<std::int64_t>(seen.patches.size()) / dim;
    const Tensor patches = b.from_host({1, cells, dim}, seen.patches);
    Logits logits(std::move(features),
                  b.to_host(b.matmul(patches, own<ClassifierRows>(classifier).rows, true)));  // cosines
    logits.view.grid_logits = logits.values;
    return logits;
  }

 private:
  SanConfig config_;
  ClipVision shallow_;
  RecognitionHead deep_;
  Tensor logit_scale_;
};

}  // namespace

MethodInfo maskclip_method() {
  MethodInfo info;
  info.name = "maskclip";
  info.architecture = "san";
  info.summary = "a baseline: CLIP's dense features, no adapter";
  info.make = [](ParamLoader& loader, const ModelConfig& config) {
    return std::make_unique<MaskClip>(loader, SanConfig::from_json(config.json, config.where));
  };
  return info;
}

}  // namespace san
