#include "verify/own_network.h"

#include "model/san.h"

namespace san {
namespace {

class OwnNetwork final : public GoldenNetwork {
 public:
  OwnNetwork(Backend& b, const SanConfig& config, const ParameterSource& parameters)
      : b_(b), config_(config), loader_(b, parameters) {}

  std::vector<std::vector<float>> embed(const Prompts& prompts) override {
    const ClipText tower(ParamScope(loader_, "ov_classifier"), config_.clip);
    std::vector<float> alone;
    for (const auto& prompt : prompts) {
      const auto row = b_.to_host(tower.forward(b_, prompt_ids(b_, {prompt})));
      alone.insert(alone.end(), row.begin(), row.end());
    }
    return {std::move(alone), b_.to_host(tower.encode(b_, prompts, Form::kRewritten))};
  }

  void run(const Preprocessed& picture, const Values& text, const Wanted& wanted, const Tap& tap,
           const Logits& logits) override {
    const San network(loader_, config_);
    const Grid size{picture.height, picture.width};
    const Tensor image = b_.from_host({1, size.tokens(), 3}, picture.values);
    const std::string kLast =
        fmt::format("rec_block_{}_out", config_.clip.layers - config_.recognition_start() - 1);
    for (const Form form : {Form::kRewritten, Form::kDefinition}) {
      b_.on_tap([&](std::string_view name, const Tensor& x) {
        if (form == Form::kRewritten && name == kLast) return;  // only SLS tokens there
        if (wanted(name)) tap(std::string(name), {x.shape(), b_.to_host(x)});
      });
      const Tensor classifier = network.classifier(b_, b_.from_host(text.shape, text.data));
      const SanOutput out = network.forward(b_, image, size, false, form).back();
      const Tensor classes = network.classify(b_, out.embeddings, classifier);
      b_.on_tap({});
      logits({classes.shape(), b_.to_host(classes)}, {out.mask_logits.shape(), b_.to_host(out.mask_logits)});
    }
  }

 private:
  Backend& b_;
  const SanConfig config_;
  ParamLoader loader_;
};

}  // namespace

std::unique_ptr<GoldenNetwork> make_own_network(Backend& backend, const SanConfig& config,
                                                const ParameterSource& parameters) {
  return std::make_unique<OwnNetwork>(backend, config, parameters);
}

}  // namespace san
