#include "export/graphs.h"

#include "backend/onnx/onnx_backend.h"
#include "base/error.h"
#include "export/recording.h"
#include "export/shapes_alone.h"
#include "model/san.h"

namespace san {
namespace {

struct ImageRecorder {
  const SanConfig& config;
  const TapFilter& taps;
  const std::vector<float>& text;

  OnnxRecord operator()(OnnxGraph& graph, OnnxRecording recording, const ParameterSource& parameters,
                        const ImageSizes& s) const {
    const auto b = make_onnx_backend(graph, std::move(recording));
    ParamLoader loader(*b, parameters);
    const San network(loader, config);
    const Tensor image = b->map_input("image", s.batch, 3, s.size, {"batch", "", "height", "width"});
    const Shape rows{s.classes, config.clip.embed_dim};
    const Tensor embeddings = text.empty()
                                  ? b->input("text_embeddings", OnnxType::kFloat, rows, {"classes", ""})
                                  : b->from_host(rows, text);
    if (taps)
      b->on_tap([&](std::string_view name, const Tensor& x) {
        if (!taps(name)) return;
        std::vector<std::string> free;
        for (int axis = 0; axis < x.shape().rank(); ++axis) free.push_back(fmt::format("{}_{}", name, axis));
        const std::string value = b->value(x);
        graph.output(kTapPrefix + std::string(name), value, OnnxType::kFloat, b->extents(x.shape(), free));
      });
    const Tensor classifier = network.classifier(*b, embeddings);
    const SanOutput out = network.forward(*b, image, s.size, false, Form::kRewritten).back();
    b->on_tap({});
    const Tensor logits = network.classify(*b, out.embeddings, classifier);
    const Grid grid = network.mask_grid(s.size);
    graph.output("mask_logits", b->unfolded(out.mask_logits, grid), OnnxType::kFloat,
                 b->extents({s.batch, config.queries, grid.height, grid.width},
                            {"batch", "", "mask_height", "mask_width"}));
    graph.output("class_logits", b->value(logits), OnnxType::kFloat,
                 b->extents(logits.shape(), {"batch", "", "classes_and_background"}));
    return b->record();
  }
};

}  // namespace

void record_image_branch(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                         const ImageGraphSizes& sizes, const TapFilter& taps, const std::vector<float>& text,
                         const Int8Scales& int8) {
  require(sizes.height.has_value() == sizes.width.has_value(), "image branch: one side of a size");
  const bool fixed = sizes.height.has_value();
  if (fixed)
    require(*sizes.height > 0 && *sizes.width > 0 && *sizes.height % kMultiple == 0 &&
                *sizes.width % kMultiple == 0,
            "a size of {}x{}: expected multiples of {}, for example {}x{}", *sizes.height, *sizes.width,
            kMultiple, (*sizes.height / kMultiple + 1) * kMultiple,
            (*sizes.width / kMultiple + 1) * kMultiple);
  ImageSizes main = kOneImage, other = kOtherImage;
  if (fixed) main.batch = other.batch = 1, main.size = other.size = {*sizes.height, *sizes.width};
  if (sizes.classes) main.classes = other.classes = *sizes.classes;
  if (!text.empty())
    main.classes = other.classes = static_cast<std::int64_t>(text.size()) / config.clip.embed_dim;
  record_at_two_sizes(graph, config, parameters, main, other, ImageRecorder{config, taps, text}, int8);
}

void record_text_tower(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                       int end_token, const TextGraphSizes& sizes) {
  const std::int64_t context = config.clip.context;
  require(!sizes.tokens || (*sizes.tokens >= 2 && *sizes.tokens <= context),
          "text tower: {} tokens a prompt, expected 2 to {}", sizes.tokens.value_or(0), context);
  const auto record = [&](OnnxGraph& g, OnnxRecording recording, const ParameterSource& source,
                          std::int64_t prompts, std::int64_t tokens) {
    const auto b = make_onnx_backend(g, std::move(recording));
    ParamLoader loader(*b, source);
    const ClipText tower(ParamScope(loader, "ov_classifier"), config.clip);
    const Tensor ids = b->input("token_ids", OnnxType::kInt64, {prompts, tokens}, {"prompts", "tokens"});
    // A one at each prompt's first end token: [prompts, 1, tokens].
    const std::string at = "ends", token_ids = b->value(ids);
    const auto int32 = std::int64_t{6}, first = std::int64_t{0};  // TensorProto.INT32
    const std::string is_end =
        g.node(at, "Cast", {g.node(at, "Equal", {token_ids, g.integer(end_token)})}, {{"to", int32}});
    const std::string place =
        g.node(at, "ArgMax", {is_end},
               {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{1}}, {"select_last_index", first}});
    const std::string depth = g.node(at, "Gather", {g.node(at, "Shape", {token_ids}), g.integers({1})});
    const std::string off_on = g.weight("off_on", {2}, [] { return std::vector<float>{0, 1}; });
    const Tensor ends = b->adopt(g.node(at, "OneHot", {place, depth, off_on}), {prompts, 1, tokens});
    const Tensor rows = tower.forward(*b, ids, ends);
    g.output("text_embeddings", b->value(rows), OnnxType::kFloat, b->extents(rows.shape(), {"prompts", ""}));
    return b->record();
  };
  const std::int64_t main_tokens = sizes.tokens.value_or(std::min<std::int64_t>(context, 5));
  const std::int64_t main_prompts = sizes.prompts.value_or(11);
  const std::int64_t other_tokens = sizes.tokens.value_or(std::min<std::int64_t>(context - 1, 7));
  const std::int64_t other_prompts = sizes.prompts.value_or(13);
  OnnxGraph scratch("survey", graph.opset());
  const OnnxRecord at_other = record(scratch, {}, ShapesAlone(parameters), other_prompts, other_tokens);
  record(graph, {&at_other, {}, {}}, parameters, main_prompts, main_tokens);
}

}  // namespace san
