// Graphs with int8 layers in ONNX Runtime: against the same arithmetic on the native backend, and their
// labels against those of float32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/native/native_backend.h"
#include "backend/onnx/onnx_backend.h"
#include "base/random.h"
#include "base/test_error.h"
#include "checkpoint/formula.h"
#include "engine/encode_vocabulary.h"
#include "export/export.h"
#include "export/graphs.h"
#include "export/runtime_for_tests.h"
#include "model/san.h"
#include "quantize/trial_backend.h"
#include "world/samplers.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;

double rms_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += std::pow(double{a[i]} - b[i], 2);
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, a.size())));
}

class Int8 : public RuntimeTest {};

// One layer, wide enough that sums of products in 16 bits would saturate, with values at the ends of their
// ranges.
TEST_F(Int8, ALayerIsComputedAsTried) {
  constexpr std::int64_t kRows = 50, kIn = 768, kOut = 96;
  Rng rng(3);
  std::vector<float> x(kRows * kIn), w(kOut * kIn), bias(kOut);
  for (float& v : x) v = rng.chance(0.5f) ? 3.0f : rng.normal();
  for (std::size_t i = 0; i < w.size(); ++i)  // rows of different size, half of each at its end
    w[i] = (rng.chance(0.5f) ? 1.0f : rng.uniform(-1, 1)) * (1 + static_cast<float>(i / kIn % 7));
  for (float& v : bias) v = rng.normal();
  const Param weight{"fc.weight", HostArray::from({kOut, kIn}, w)},
      offset{"fc.bias", HostArray::from({kOut}, bias)};
  const float scale = 2.5f / kInt8Most;

  const auto trial = std::make_shared<Trial>();
  const auto native = make_trial_backend(make_native_backend(), trial);
  const LinearWeight tried = native->prepare_linear(weight, &offset);
  trial->layers[0]->scale = scale, trial->layers[0]->int8 = true;
  const auto expected = native->to_host(native->linear(native->from_host({1, kRows, kIn}, x), tried));

  OnnxGraph graph("layer", 18);
  const auto b = make_onnx_backend(graph, {nullptr, {}, [&](const Param&) { return scale; }});
  const LinearWeight recorded = b->prepare_linear(weight, &offset);
  const Tensor y = b->linear(b->input("x", OnnxType::kFloat, {1, kRows, kIn}, {}), recorded);
  graph.output("y", b->value(y), OnnxType::kFloat, b->extents(y.shape(), {}));
  graph.save(folder_.path() / "layer.onnx");
  const auto out = run_in_onnx_runtime(folder_.path() / "layer.onnx", {{{"x", {{1, kRows, kIn}, x}}}}, 1);
  const auto& got = std::get<std::vector<float>>(out[0].at("y").data);
  ASSERT_EQ(got.size(), expected.size());
  // One value in ten thousand lies so near the middle between two integers that it may go to either: of a
  // row's 768 hardly one, which moves a sum by a scale times a weight of at most 7.
  double most = 0;
  std::size_t moved = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double apart = std::abs(double{got[i]} - expected[i]);
    most = std::max(most, apart);
    moved += apart > 2e-6 * 768 * 7 * 2.5 ? 1 : 0;  // float32 sums
  }
  EXPECT_LE(most, 2.01 * scale * 7);
  EXPECT_LE(moved, got.size() / 5);
}

TEST_F(Int8, OnnxRuntimeComputesWhatCalibrationTried) {
  const SanConfig config = SanConfig::tiny();
  const FormulaSource weights(declare_parameters(config), "", "formula:tiny");
  constexpr Grid kSize{96, 128};
  constexpr std::int64_t kClasses = 5;
  std::vector<float> map = formula_uniform("picture", 3 * kSize.tokens()), tokens(map.size());
  for (float& v : map) v = 4 * v - 2;
  for (std::int64_t i = 0; i < 3 * kSize.tokens(); ++i)
    tokens[static_cast<std::size_t>(i % kSize.tokens() * 3 + i / kSize.tokens())] =
        map[static_cast<std::size_t>(i)];
  const std::vector<float> text = formula_uniform("words", kClasses * config.clip.embed_dim);

  const auto trial = std::make_shared<Trial>();
  const auto b = make_trial_backend(make_native_backend(), trial);
  ParamLoader loader(*b, weights);
  const San network(loader, config);
  struct Answers {
    std::vector<float> masks, classes;
  };
  const auto answers = [&] {
    const Tensor rows = b->from_host({kClasses, config.clip.embed_dim}, text);
    const SanOutput out = network.forward(*b, b->from_host({1, kSize.tokens(), 3}, tokens), kSize).back();
    return Answers{b->to_host(out.mask_logits),
                   b->to_host(network.classify(*b, out.embeddings, network.classifier(*b, rows)))};
  };
  trial->observing = true;
  const Answers exact = answers();
  trial->observing = false;
  std::map<std::string, float> scales;
  for (const auto& layer : trial->layers) {
    if (layer->macs == 0) continue;
    layer->scale = layer->seen.best_range() / kInt8Most;
    layer->int8 = true;
    scales[layer->name] = layer->scale;
  }
  const Answers tried = answers();
  const auto scale = [&](const Param& weight) {
    const auto found = scales.find(layer_name(weight));
    return found == scales.end() ? 0 : found->second;
  };

  OnnxGraph plain("image_branch", 17);
  record_image_branch(plain, config, weights, {});
  const auto before = plain.operators();
  for (const int opset : {17, 18, 21}) {
    OnnxGraph graph("image_branch", opset, true);
    record_image_branch(graph, config, weights, {}, {}, {}, scale);
    auto operators = graph.operators();
    EXPECT_EQ(operators["MatMul"], before.at("MatMul"));
    // Each layer has an operand and a matrix.
    EXPECT_EQ(operators["DequantizeLinear"], 2 * static_cast<int>(scales.size()));
    EXPECT_EQ(operators["QuantizeLinear"], static_cast<int>(scales.size()));
    EXPECT_LT(graph.weight_bytes(), plain.weight_bytes() / 2);
    graph.save(folder_.path() / "image.onnx");
    const GraphTensors out =
        run_in_onnx_runtime(folder_.path() / "image.onnx",
                            {{{"image", {{1, 3, kSize.height, kSize.width}, map}},
                              {"text_embeddings", {{kClasses, config.clip.embed_dim}, text}}}},
                            1)[0];
    // A value between two integers goes to either by float32 rounding and takes others with it, so in a
    // network of random weights two correct computations end as far apart as √2 roundings.
    const auto check = [&](const char* name, const std::vector<float>& expected,
                           const std::vector<float>& in_float) {
      const auto& got = std::get<std::vector<float>>(out.at(name).data);
      const double rounding = rms_difference(expected, in_float), apart = rms_difference(got, expected);
      EXPECT_GT(rounding, 0) << name << ": nothing is tested";
      EXPECT_LT(apart, 1.5 * rounding) << name << ", operator set " << opset;
    };
    check("mask_logits", tried.masks, exact.masks);
    check("class_logits", tried.classes, exact.classes);
  }
}

std::shared_ptr<const World> packed_world() {
  return World::load(SAN_SOURCE_DIR "/configs/world/demo.tsv",
                     {SAN_SOURCE_DIR "/configs/world/pack.pictures"});
}

TEST_F(Int8, LabelsOfTheBuiltInModelAreThoseOfFloat) {
  const auto world = packed_world();
  const SceneSampler seen(world, {}, 1);
  const EvalScenes others(world, EvalSplit::kMixed);
  const auto names = parse_classes(others.class_names(), "test");
  const auto backend = make_native_backend();
  const LoadedModel model = load_model("default");
  EncodingOptions encoding;
  encoding.templates = {model.templates.texts.at(0)};
  encoding.use_cache = false;
  encoding.quiet = true;
  const auto words = encode_vocabulary(model, *backend, names, encoding);

  ExportRequest request;
  request.quiet = true;
  request.segmenter = true;
  request.folder = folder_.path() / "float";
  export_onnx(request, *backend);
  request.folder = folder_.path() / "int8";
  request.precision = ExportPrecision::kInt8;
  for (std::uint64_t i = 0; i < 2; ++i) request.calibration.push_back(seen.scene(i).image);
  request.calibration_names = names;
  export_onnx(request, *backend);
  std::vector<GraphTensors> inputs;
  for (int i = 0; i < 4; ++i) {
    const Image picture = others.scene(i).image;
    inputs.push_back({{"picture", {{picture.height, picture.width, 3}, picture.rgb}},
                      {"text_embeddings", {{words->row_count(), words->dim}, words->rows}}});
  }
  const auto expected = run_in_onnx_runtime(folder_.path() / "float/segmenter.onnx", inputs, 2);
  const auto got = run_in_onnx_runtime(folder_.path() / "int8/segmenter.onnx", inputs, 2);
  double same = 0, all = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& a = std::get<std::vector<std::int32_t>>(expected[i].at("labels").data);
    const auto& b = std::get<std::vector<std::int32_t>>(got[i].at("labels").data);
    for (std::size_t p = 0; p < a.size(); ++p) same += a[p] == b[p] ? 1 : 0;
    all += static_cast<double>(a.size());
  }
  RecordProperty("agreement", std::to_string(same / all));
  std::printf("labels of int8 as of float32: %.3f %% of the pixels\n", 100 * same / all);
  EXPECT_GE(same / all, 0.99);
  EXPECT_LT(static_cast<double>(fs::file_size(folder_.path() / "int8/image.onnx")),
            0.3 * static_cast<double>(fs::file_size(folder_.path() / "float/image.onnx")));

  const auto about = nlohmann::json::parse(std::ifstream(folder_.path() / "int8/metadata.json"));
  EXPECT_EQ(about.at("precision"), "int8");
  const auto& int8 = about.at("int8");
  EXPECT_GE(int8.at("share_of_linear_layers").get<double>(), 0.8);
  EXPECT_LE(int8.at("labels_changed").get<double>(), request.most_changed);
  EXPECT_EQ(int8.at("calibration_pictures"), 2);
}

TEST(Int8Export, WithoutPicturesIsNamedAndNothingIsLeft) {
  const TemporaryFolder folder;
  ExportRequest request;
  request.folder = folder.path() / "out";
  request.model = "formula:tiny";
  request.quiet = true;
  request.precision = ExportPrecision::kInt8;
  request.names = parse_class_list("cat, sofa");
  EXPECT_THAT(error_of([&] { export_onnx(request, *make_native_backend()); }),
              HasSubstr("no picture to look at"));
  EXPECT_FALSE(fs::exists(request.folder));
}

}  // namespace
}  // namespace san
