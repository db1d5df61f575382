// The way from a picture to labels (docs/network.md §2, §8) as nodes around the recorded network.
#include <algorithm>
#include <array>

#include "backend/onnx/onnx_backend.h"
#include "base/error.h"
#include "export/graphs.h"
#include "export/recording.h"
#include "image/preprocess.h"
#include "model/san.h"

namespace san {
namespace {

constexpr int kSmoothingResize = 18;
constexpr std::int64_t kFloat = 1, kInt32 = 6;  // TensorProto's numbers
constexpr std::int64_t kOne = 1;

constexpr const char* kAt = "segmenter";

/// What comes before the network and behind it. Sizes are lists of two integers, height and width.
class Around {
 public:
  Around(OnnxGraph& graph, const SanConfig& config) : g_(graph), config_(config) {
    picture_ = g_.input("picture", OnnxType::kUInt8, {{0, "height"}, {0, "width"}, {3, ""}});
    size_ = slice(node("Shape", {picture_}), 0, 0, 2);
  }

  /// [1, 3, H, W]: resized, normalised, padded.
  std::string prepared() {
    content_ = content_size();
    const std::string planes = node("Unsqueeze", {transpose(picture_, {2, 0, 1}), g_.integers({0})});
    const std::string resized = resize(planes, content_, true);
    const auto channels = [&](const char* name, const std::array<double, 3>& values) {
      return g_.weight(name, {1, 3, 1, 1}, [values] {
        std::vector<float> scaled;
        for (const double v : values) scaled.push_back(static_cast<float>(v * 255.0));
        return scaled;
      });
    };
    const std::string floats = g_.node(kAt, "Cast", {resized}, {{"to", kFloat}});
    const std::string normalised = node(
        "Div", {node("Sub", {floats, channels("mean", kClipMean)}), channels("deviation", kClipDeviation)});
    const std::string multiple = g_.integers({kMultiple});
    padded_ = node(
        "Mul", {node("Div", {node("Add", {content_, g_.integers({kMultiple - 1})}), multiple}), multiple});
    const std::string pads = concat({g_.integers({0, 0, 0, 0, 0, 0}), node("Sub", {padded_, content_})}, 0);
    return node("Pad", {normalised, pads});
  }

  /// Labels [height, width] of masks [1, Q, h, w] and class logits [1, Q, rows + 1].
  std::string labels(const std::string& masks, const std::string& logits,
                     const std::vector<std::int64_t>& row_class) {
    const std::string upsampled = resize(masks, padded_, false);
    const std::string cropped =
        node("Slice", {upsampled, g_.integers({0, 0}), content_, g_.integers({2, 3})});
    const std::string pixels = node("Sigmoid", {resize(cropped, size_, false)});
    const std::string p =
        g_.node(kAt, "Softmax", {of_classes(logits, row_class)}, {{"axis", std::int64_t{-1}}});
    const std::string named = node("Slice", {p, g_.integers({0}), g_.integers({-1}), g_.integers({2})});
    const std::string scores =
        node("MatMul", {transpose(named, {0, 2, 1}), reshape(pixels, {1, config_.queries, -1})});
    const std::string best =
        g_.node(kAt, "ArgMax", {scores}, {{"axis", kOne}, {"keepdims", std::int64_t{0}}});
    return g_.node(kAt, "Cast", {node("Reshape", {best, size_})}, {{"to", kInt32}});
  }

 private:
  /// [1, Q, rows + 1] → [1, Q, classes + 1]: the largest among a class's names, before the softmax.
  std::string of_classes(const std::string& logits, const std::vector<std::int64_t>& row_class) {
    std::vector<std::vector<std::int64_t>> rows;
    for (std::size_t row = 0; row < row_class.size(); ++row) {
      if (row == 0 || row_class[row] != row_class[row - 1]) rows.emplace_back();
      rows.back().push_back(static_cast<std::int64_t>(row));
    }
    if (rows.size() == row_class.size()) return logits;             // one name each
    rows.push_back({static_cast<std::int64_t>(row_class.size())});  // the background
    std::size_t most = 0;
    for (const auto& names : rows) most = std::max(most, names.size());
    std::vector<std::int64_t> columns;  // [classes + 1, most], the last name repeated
    for (const auto& names : rows)
      for (std::size_t i = 0; i < most; ++i) columns.push_back(names[std::min(i, names.size() - 1)]);
    const std::string index = reshape(g_.integers(columns), {static_cast<std::int64_t>(rows.size()), -1});
    const std::string names = g_.node(kAt, "Gather", {logits, index}, {{"axis", std::int64_t{2}}});
    return node("Squeeze", {g_.reduce(kAt, "ReduceMax", names, 3), g_.integers({3})});
  }

  std::string node(const char* op, const std::vector<std::string>& inputs) {
    return g_.node(kAt, op, inputs);
  }
  std::string transpose(const std::string& x, const std::vector<std::int64_t>& axes) {
    return g_.node(kAt, "Transpose", {x}, {{"perm", axes}});
  }
  std::string concat(const std::vector<std::string>& xs, std::int64_t axis) {
    return g_.node(kAt, "Concat", xs, {{"axis", axis}});
  }
  std::string reshape(const std::string& x, const std::vector<std::int64_t>& shape) {
    return node("Reshape", {x, g_.integers(shape)});
  }
  std::string slice(const std::string& x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
    return node("Slice", {x, g_.integers({begin}), g_.integers({end}), g_.integers({axis})});
  }
  std::string resize(const std::string& x, const std::string& size, bool smooth) {
    return record_resize(g_, x, size, smooth);
  }
  /// n · number / by to the nearest whole number.
  std::string scaled(const std::string& n, std::int64_t number, const std::string& by) {
    const std::string twice = node("Mul", {n, g_.integers({2 * number})});
    return node("Div", {node("Add", {twice, by}), node("Mul", {by, g_.integers({2})})});
  }
  /// The short side as the network wants it, unless the long side would pass its limit.
  std::string content_size() {
    const auto whole = [&](const char* op) { return g_.node(kAt, op, {size_}, {{"keepdims", kOne}}); };
    const std::string shorter = whole("ReduceMin"), longer = whole("ReduceMax");
    const std::string too_long = node("Greater", {node("Mul", {longer, g_.integers({config_.short_side})}),
                                                  node("Mul", {shorter, g_.integers({config_.long_side})})});
    const std::string size = node("Where", {too_long, scaled(size_, config_.long_side, longer),
                                            scaled(size_, config_.short_side, shorter)});
    return node("Max", {size, g_.integers({1})});
  }

  OnnxGraph& g_;
  const SanConfig& config_;
  std::string picture_, size_, content_, padded_;
};

}  // namespace

std::string record_resize(OnnxGraph& graph, const std::string& x, const std::string& size, bool smooth) {
  const std::string leading = graph.node(
      kAt, "Slice",
      {graph.node(kAt, "Shape", {x}), graph.integers({0}), graph.integers({2}), graph.integers({0})});
  const std::string sizes = graph.node(kAt, "Concat", {leading, size}, {{"axis", std::int64_t{0}}});
  return graph.node(kAt, "Resize", {x, "", "", sizes},
                    {{"mode", std::string("linear")},
                     {"coordinate_transformation_mode", std::string("half_pixel")},
                     {"antialias", std::int64_t{smooth ? 1 : 0}}});
}

void record_segmenter(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                      const FoldedClasses& folded, const Int8Scales& int8) {
  require(graph.opset() >= kSmoothingResize,
          "segmenter: operator set {} is too old, its Resize does not smooth; expected {} or later",
          graph.opset(), kSmoothingResize);
  const std::int64_t d = config.clip.embed_dim;
  const auto record = [&](OnnxGraph& g, OnnxRecording recording, const ParameterSource& source,
                          const ImageSizes& s) {
    const auto b = make_onnx_backend(g, std::move(recording));
    ParamLoader loader(*b, source);
    const San network(loader, config);
    Around around(g, config);
    const Tensor image = b->adopt_map(around.prepared(), 1, 3, s.size);
    const Shape rows{s.classes, d};
    const Tensor text = folded.rows.empty()
                            ? b->input("text_embeddings", OnnxType::kFloat, rows, {"classes", ""})
                            : b->from_host(rows, folded.rows);
    const SanOutput out = network.forward(*b, image, s.size, false, Form::kRewritten).back();
    const Tensor logits = network.classify(*b, out.embeddings, network.classifier(*b, text));
    g.output("labels",
             around.labels(b->unfolded(out.mask_logits, network.mask_grid(s.size)), b->value(logits),
                           folded.row_class),
             OnnxType::kInt32, {{0, "height"}, {0, "width"}});
    return b->record();
  };
  ImageSizes main = kOneImage, other = kOtherImage;
  main.batch = other.batch = 1;
  if (!folded.rows.empty()) main.classes = other.classes = static_cast<std::int64_t>(folded.rows.size()) / d;
  record_at_two_sizes(graph, config, parameters, main, other, record, int8);
}

}  // namespace san
