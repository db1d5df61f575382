#include "export/exported_network.h"

#include <algorithm>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "export/graphs.h"
#include "export/node_runtime.h"

namespace san {
namespace {

constexpr std::size_t kPromptsAtOnce = 128;

/// [B, C, H, W] of the channels-last values that preprocessing leaves.
std::vector<float> channels_first(const Preprocessed& picture) {
  const auto pixels = static_cast<std::size_t>(picture.height) * static_cast<std::size_t>(picture.width);
  std::vector<float> planes(picture.values.size());
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < 3; ++c) planes[c * pixels + i] = picture.values[3 * i + c];
  return planes;
}

class ExportedNetwork final : public GoldenNetwork {
 public:
  ExportedNetwork(const SanConfig& config, const ParameterSource& parameters, int opset, int threads)
      : config_(config), parameters_(parameters), opset_(opset), threads_(threads) {
    if (const std::string missing = missing_onnx_runtime(); !missing.empty())
      fail("ONNX Runtime: {}", missing);
  }

  std::vector<std::vector<float>> embed(const Prompts& prompts) override {
    const TemporaryFolder folder;
    const auto file = folder.path() / "text.onnx";
    // CLIP's end token is the highest.
    const auto end = static_cast<int>(config_.clip.vocabulary - 1);
    {
      OnnxGraph graph("text_tower", opset_);
      record_text_tower(graph, config_, parameters_, end);
      graph.save(file);
    }
    std::vector<GraphTensors> inputs;
    for (std::size_t begin = 0; begin < prompts.size(); begin += kPromptsAtOnce) {
      const std::size_t count = std::min(kPromptsAtOnce, prompts.size() - begin);
      std::size_t longest = 0;
      for (std::size_t i = 0; i < count; ++i) longest = std::max(longest, prompts[begin + i].size());
      std::vector<std::int64_t> ids(count * longest, 0);
      for (std::size_t i = 0; i < count; ++i)
        std::ranges::copy(prompts[begin + i], ids.begin() + static_cast<std::ptrdiff_t>(i * longest));
      inputs.push_back(
          {{"token_ids",
            {{static_cast<std::int64_t>(count), static_cast<std::int64_t>(longest)}, std::move(ids)}}});
    }
    std::vector<float> rows;
    for (const GraphTensors& outputs : run_in_onnx_runtime(file, inputs, threads_)) {
      const auto& part = std::get<std::vector<float>>(outputs.at("text_embeddings").data);
      rows.insert(rows.end(), part.begin(), part.end());
    }
    return {std::move(rows)};
  }

  void run(const Preprocessed& picture, const Values& text, const Wanted& wanted, const Tap& tap,
           const Logits& logits) override {
    const TemporaryFolder folder;
    const auto file = folder.path() / "image.onnx";
    {
      OnnxGraph graph("image_branch", opset_);
      const auto in_graph = [&](std::string_view name) {
        return wanted(name) && omits(std::string(name)).empty();
      };
      record_image_branch(graph, config_, parameters_, {}, in_graph);
      graph.save(file);
    }
    const GraphTensors inputs{{"image", {{1, 3, picture.height, picture.width}, channels_first(picture)}},
                              {"text_embeddings", {text.shape, text.data}}};
    GraphTensors outputs = std::move(run_in_onnx_runtime(file, {inputs}, threads_)[0]);
    const auto values = [](GraphTensor& t) {
      return Values{t.shape, std::move(std::get<std::vector<float>>(t.data))};
    };
    for (auto& [name, tensor] : outputs)
      if (name.starts_with(kTapPrefix)) tap(name.substr(kTapPrefix.size()), values(tensor));
    Values masks = values(outputs.at("mask_logits"));
    masks.shape = {masks.shape[0], masks.shape[1], masks.shape[2] * masks.shape[3]};
    logits(values(outputs.at("class_logits")), masks);
  }

  std::string omits(const std::string& name) const override {
    const int last = config_.clip.layers - config_.recognition_start() - 1;
    if (name == "rec_attn_mask") return "not in the graph: SLS tokens are queries of a cross-attention";
    if (name == fmt::format("rec_block_{}_out", last)) return "not in the graph: only SLS tokens are updated";
    return {};
  }

 private:
  const SanConfig config_;
  const ParameterSource& parameters_;
  int opset_, threads_;
};

}  // namespace

std::unique_ptr<GoldenNetwork> make_exported_network(const SanConfig& config,
                                                     const ParameterSource& parameters, int opset,
                                                     int threads) {
  return std::make_unique<ExportedNetwork>(config, parameters, opset, threads);
}

}  // namespace san
