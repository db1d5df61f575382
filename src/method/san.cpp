#include "model/san.h"

#include "method/input.h"
#include "method/methods.h"

namespace san {
namespace {

struct SanFeatures final : Features {
  std::vector<float> masks;       // [Q, h·w]
  std::vector<float> embeddings;  // [Q, D], norm 1
};

class SanMethod final : public Method {
 public:
  SanMethod(ParamLoader& loader, const SanConfig& config) : network_(loader, config) {}

  InputSize input() const override {
    return {static_cast<int>(network_.config().short_side), static_cast<int>(network_.config().long_side)};
  }

  std::unique_ptr<Features> look(const Compute& compute, const Image& picture,
                                 const LookOptions& options) const override {
    Backend& b = compute.backend;
    const Preprocessed input = fit_picture(picture, this->input(), options, kPadding, compute.pool);
    const Grid size{input.height, input.width};
    const SanOutput out = network_.forward(b, b.from_host({1, size.tokens(), 3}, input.values), size).back();
    auto seen = std::make_unique<SanFeatures>();
    seen->embeddings = b.to_host(out.embeddings);
    seen->masks = b.to_host(out.mask_logits);
    seen->resize_ms = input.ms;
    seen->view = view_of(input, network_.mask_grid(size), options.mirrored);
    seen->view.queries = static_cast<int>(network_.config().queries);
    seen->view.mask_logits = seen->masks;
    return seen;
  }

  std::unique_ptr<Classifier> prepare(Backend& b, const TextEmbeddings& vocabulary) const override {
    return std::make_unique<ClassifierRows>(
        network_.classifier(b, b.from_host({vocabulary.row_count(), vocabulary.dim}, vocabulary.rows)));
  }

  Logits name(const Compute& compute, std::shared_ptr<const Features> features,
              const Classifier& classifier) const override {
    Backend& b = compute.backend;
    const auto& seen = own<SanFeatures>(*features);
    const SanConfig& c = network_.config();
    const Tensor embeddings = b.from_host({1, c.queries, c.clip.embed_dim}, seen.embeddings);
    Logits logits(std::move(features),
                  b.to_host(network_.classify(b, embeddings, own<ClassifierRows>(classifier).rows)));
    logits.view.class_logits = logits.values;
    return logits;
  }

 private:
  static constexpr int kPadding = 32;  // as the authors pad
  San network_;
};

SanConfig parse(const ModelConfig& config) {
  return SanConfig::from_json(config.json, config.where);
}

}  // namespace

ArchitectureInfo san_architecture() {
  ArchitectureInfo info;
  info.name = "san";
  info.parameters = [](const ModelConfig& config) { return declare_parameters(parse(config)); };
  info.text = [](const ModelConfig& config) {
    const ClipConfig clip = parse(config).clip;
    TextTower tower;
    tower.context = static_cast<int>(clip.context);
    tower.vocabulary = static_cast<int>(clip.vocabulary);
    tower.dim = static_cast<int>(clip.embed_dim);
    tower.prepare = [clip](ParamLoader& loader) -> TextForward {
      const auto text = std::make_shared<const ClipText>(ParamScope(loader, "ov_classifier"), clip);
      return [text](Backend& b, const Tensor& ids) { return text->forward(b, ids); };
    };
    return tower;
  };
  return info;
}

MethodInfo san_method() {
  MethodInfo info;
  info.name = info.architecture = "san";
  info.summary = "the side adapter's masks, named by CLIP under its attention biases";
  info.background = info.masks = true;
  info.make = [](ParamLoader& loader, const ModelConfig& config) {
    return std::make_unique<SanMethod>(loader, parse(config));
  };
  return info;
}

}  // namespace san
