#include "method/methods.h"
#include "method/san_masks.h"

namespace san {
namespace {

/// Adds what examples say of each query, [queries, rows + 1], the background's column apart.
void add_examples(const MaskClassifier& classifier, std::span<const float> embeddings,
                  std::vector<float>& logits) {
  const std::size_t rows = classifier.row_class.size(), columns = rows + 1, queries = logits.size() / columns;
  const auto classes = static_cast<std::size_t>(classifier.classes);
  std::vector<float> added(queries * classes);
  classifier.examples->add(embeddings, added);
  for (std::size_t q = 0; q < queries; ++q)
    for (std::size_t r = 0; r < rows; ++r)
      logits[q * columns + r] += added[q * classes + static_cast<std::size_t>(classifier.row_class[r])];
}

class SanMethod final : public SanMasks {
 public:
  using SanMasks::SanMasks;

  std::unique_ptr<Features> look(const Compute& compute, const Image& picture,
                                 const LookOptions& options) const override {
    auto seen = features_to_fill<MaskFeatures>(compute);
    const SanOutput out = look_for_masks(compute, picture, options, *seen);
    to_host(compute.backend, out.embeddings, seen->embeddings);
    return seen;
  }

  Logits name(const Compute& compute, std::shared_ptr<const Features> features,
              const Classifier& classifier) const override {
    Backend& b = compute.backend;
    const auto& seen = own<MaskFeatures>(*features);
    const auto& words = own<MaskClassifier>(classifier);
    const SanConfig& c = network_.config();
    const Tensor embeddings = b.from_host({1, c.queries, c.clip.embed_dim}, seen.embeddings);
    Logits logits(std::move(features), std::move(compute.memory.logits));
    to_host(b, network_.classify(b, embeddings, words.rows), logits.values);
    if (words.examples) add_examples(words, seen.embeddings, logits.values);
    logits.view.class_logits = logits.values;
    return logits;
  }
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
      return [text](Backend& b, const Prompts& prompts) { return text->encode(b, prompts); };
    };
    return tower;
  };
  return info;
}

MethodInfo san_method() {
  MethodInfo info;
  info.name = info.architecture = "san";
  info.summary = "the side adapter's masks, named by CLIP under its attention biases";
  info.background = info.masks = info.examples = true;
  info.make = [](ParamLoader& loader, const ModelConfig& config) {
    return std::make_unique<SanMethod>(loader, parse(config));
  };
  return info;
}

}  // namespace san
