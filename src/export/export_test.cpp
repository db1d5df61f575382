// Exported graphs in ONNX Runtime against the authors' recordings and the native backend.
#include "export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "backend/native/native_backend.h"
#include "base/test_error.h"
#include "checkpoint/formula.h"
#include "checkpoint/test_files.h"
#include "export/exported_network.h"
#include "export/graphs.h"
#include "export/runtime_for_tests.h"
#include "model/san.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;

/// 20 times the float32 noise that the authors' code has on the tiny network (mask_preds and mask_logits of
/// its recording): the bound of `san verify`.
constexpr double kMaskBound = 20 * 3.47e-5, kClassBound = 20 * 2.76e-4;
/// The same of text_embed_per_template.
constexpr double kTextBound = 1.63e-4;

class Exported : public RuntimeTest {
 protected:
  const SanConfig config_ = SanConfig::tiny();
  const FormulaSource weights_{declare_parameters(SanConfig::tiny()), "", "formula:tiny"};
};

class ExportedGolden : public Exported, public testing::WithParamInterface<const char*> {};

TEST_P(ExportedGolden, ReproducesEveryTensor) {
  const fs::path file = test::golden(GetParam());
  if (!fs::exists(file)) GTEST_SKIP() << "golden tensors not found at " << file << "; set SAN_GOLDEN_DIR";
  const auto make = [](const SanConfig& config, const ParameterSource& parameters) {
    return make_exported_network(config, parameters, 18, 0);
  };
  const GoldenReport report = verify_inference(file, make, {});
  EXPECT_GE(report.checks.size(), 40u);
  for (const TensorCheck& c : report.checks)
    EXPECT_TRUE(c.passed) << c.name << ": error " << c.max_error << ", bound " << c.bound << " " << c.note;
}

INSTANTIATE_TEST_SUITE_P(Networks, ExportedGolden,
                         testing::Values("tiny.safetensors", "vitb16.safetensors", "vitl14_336.safetensors"),
                         [](const auto& network) {
                           return std::string(network.param, std::strchr(network.param, '.'));
                         });

struct Case {
  std::int64_t batch, height, width, classes;
};

/// Pictures as maps [B, 3, H, W] and as tokens [B, H·W, 3], and class rows.
struct Inputs {
  explicit Inputs(const Case& c, const SanConfig& config)
      : map(formula_uniform("picture", c.batch * 3 * c.height * c.width)),
        tokens(map.size()),
        text(formula_uniform("words", c.classes * config.clip.embed_dim)) {
    for (float& v : map) v = 4 * v - 2;
    for (float& v : text) v -= 0.5f;
    const std::int64_t pixels = c.height * c.width;
    for (std::int64_t i = 0; i < c.batch * 3 * pixels; ++i) {
      const std::int64_t b = i / (3 * pixels), channel = i / pixels % 3, p = i % pixels;
      tokens[static_cast<std::size_t>((b * pixels + p) * 3 + channel)] = map[static_cast<std::size_t>(i)];
    }
  }
  GraphTensors graph(const Case& c, const SanConfig& config) const {
    return {{"image", {{c.batch, 3, c.height, c.width}, map}},
            {"text_embeddings", {{c.classes, config.clip.embed_dim}, text}}};
  }
  std::vector<float> map, tokens, text;
};

struct Answers {
  std::vector<float> masks, classes;
};

Answers native_answers(const SanConfig& config, const ParameterSource& weights, const Case& c) {
  const auto b = make_native_backend();
  ParamLoader loader(*b, weights);
  const San network(loader, config);
  const Inputs in(c, config);
  const Grid size{c.height, c.width};
  const Tensor text = b->from_host({c.classes, config.clip.embed_dim}, in.text);
  const SanOutput out =
      network.forward(*b, b->from_host({c.batch, size.tokens(), 3}, in.tokens), size).back();
  return {b->to_host(out.mask_logits),
          b->to_host(network.classify(*b, out.embeddings, network.classifier(*b, text)))};
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double d = std::abs(double{a[i]} - double{b[i]});
    most = std::isnan(d) ? INFINITY : std::max(most, d);
  }
  return most;
}

void expect_equal(const GraphTensors& got, const Answers& expected, const std::string& what) {
  EXPECT_LE(largest_difference(std::get<std::vector<float>>(got.at("mask_logits").data), expected.masks),
            kMaskBound)
      << what;
  EXPECT_LE(largest_difference(std::get<std::vector<float>>(got.at("class_logits").data), expected.classes),
            kClassBound)
      << what;
}

// The last has as many mask cells as the adapter's own grid but another shape.
const std::vector<Case> kCases{{1, 96, 128, 5}, {2, 64, 160, 1}, {3, 192, 96, 40}, {1, 32, 288, 7}};

TEST_F(Exported, OneGraphTakesAnySizeBatchAndVocabulary) {
  OnnxGraph graph("image_branch", 18);
  record_image_branch(graph, config_, weights_, {});
  graph.save(folder_.path() / "image.onnx");
  std::vector<GraphTensors> inputs;
  for (const Case& c : kCases) inputs.push_back(Inputs(c, config_).graph(c, config_));
  const auto outputs = run_in_onnx_runtime(folder_.path() / "image.onnx", inputs, 1);
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const Case& c = kCases[i];
    EXPECT_EQ(outputs[i].at("mask_logits").shape, (Shape{c.batch, 10, c.height / 16, c.width / 16}));
    EXPECT_EQ(outputs[i].at("class_logits").shape, (Shape{c.batch, 10, c.classes + 1}));
    expect_equal(outputs[i], native_answers(config_, weights_, c),
                 fmt::format("{} of {}x{}, {} classes", c.batch, c.height, c.width, c.classes));
  }
}

struct Variant {
  const char* name;
  void (*change)(SanConfig&);
};

class ExportedVariant : public Exported, public testing::WithParamInterface<Variant> {};

// The paper's ablations, and what makes the two grids differ: each graph takes three sizes.
TEST_P(ExportedVariant, AgreesWithTheNativeBackend) {
  SanConfig config = config_;
  GetParam().change(config);
  const FormulaSource weights(declare_parameters(config), "", "formula");
  OnnxGraph graph("image_branch", 18);
  record_image_branch(graph, config, weights, {});
  graph.save(folder_.path() / "image.onnx");
  const std::vector<Case> cases{{1, 96, 128, 5}, {2, 160, 64, 3}, {1, 224, 288, 4}};
  std::vector<GraphTensors> inputs;
  for (const Case& c : cases) inputs.push_back(Inputs(c, config).graph(c, config));
  const auto outputs = run_in_onnx_runtime(folder_.path() / "image.onnx", inputs, 1);
  for (std::size_t i = 0; i < cases.size(); ++i)
    expect_equal(outputs[i], native_answers(config, weights, cases[i]), fmt::format("case {}", i));
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ExportedVariant,
    testing::Values(Variant{"OverlappingWindows",
                            [](SanConfig& c) { c.clip_scale = 0.7, c.clip.patch = 14; }},
                    Variant{"SameInput", [](SanConfig& c) { c.clip_scale = 1; }},
                    Variant{"NoFusion", [](SanConfig& c) { c.fusion.clear(); }},
                    Variant{"MasksAsBias", [](SanConfig& c) { c.decoupled_heads = false; }},
                    Variant{"TwoForwards", [](SanConfig& c) { c.recognition_layer = 0; }},
                    Variant{"BiasForEveryBlock",
                            [](SanConfig& c) { c.bias_layers = c.clip.layers - c.recognition_start(); }},
                    Variant{"ExactGelu", [](SanConfig& c) { c.clip.activation = Activation::kGelu; }}),
    [](const auto& variant) { return variant.param.name; });

TEST_F(Exported, EveryOperatorSetFixedSizesAndExternalDataGiveTheSame) {
  const Case c = kCases[0];
  const Answers expected = native_answers(config_, weights_, c);
  const GraphTensors inputs = Inputs(c, config_).graph(c, config_);
  for (int opset = kFirstOnnxOpset; opset <= kLastOnnxOpset; ++opset) {
    OnnxGraph graph("image_branch", opset);
    record_image_branch(graph, config_, weights_,
                        opset % 2 == 0 ? ImageGraphSizes{} : ImageGraphSizes{c.height, c.width, c.classes});
    const fs::path file = folder_.path() / fmt::format("{}.onnx", opset);
    OnnxSaveOptions options;
    options.external_data = opset == 18;
    graph.save(file, options);
    EXPECT_EQ(fs::exists(file.string() + ".data"), options.external_data);
    expect_equal(run_in_onnx_runtime(file, {inputs}, 1)[0], expected, fmt::format("operator set {}", opset));
  }
}

TEST_F(Exported, AGraphOfFixedSizeRefusesOthers) {
  OnnxGraph graph("image_branch", 17);
  record_image_branch(graph, config_, weights_, {96, 128, 5});
  graph.save(folder_.path() / "image.onnx");
  const Case other{1, 128, 96, 5};
  EXPECT_THAT(error_of([&] {
                run_in_onnx_runtime(folder_.path() / "image.onnx",
                                    {Inputs(other, config_).graph(other, config_)}, 1);
              }),
              HasSubstr("ONNX Runtime: "));
}

/// Matrices and larger weights rounded to float16, as the graph stores them.
class Rounded final : public ParameterSource {
 public:
  explicit Rounded(const ParameterSource& of) : of_(of) {}
  std::vector<std::string> names() const override { return of_.names(); }
  bool contains(const std::string& name) const override { return of_.contains(name); }
  Shape shape(const std::string& name) const override { return of_.shape(name); }
  HostArray load(const std::string& name) const override {
    std::vector<float> values = of_.load(name).to_f32();
    const Shape extents = shape(name);
    if (std::ranges::count_if(extents, [](std::int64_t extent) { return extent > 1; }) >= 2)
      for (float& v : values) v = half_to_float(float_to_half(v));
    return HostArray::from(shape(name), std::move(values));
  }
  std::string description() const override { return of_.description(); }

 private:
  const ParameterSource& of_;
};

TEST_F(Exported, HalfPrecisionRoundsTheWeightsAndNothingElse) {
  OnnxGraph graph("image_branch", 18, true), full("image_branch", 18);
  record_image_branch(graph, config_, weights_, {});
  record_image_branch(full, config_, weights_, {});
  EXPECT_LT(graph.weight_bytes(), full.weight_bytes() * 6 / 10);
  graph.save(folder_.path() / "image.onnx");
  const Case c = kCases[0];
  const GraphTensors out =
      run_in_onnx_runtime(folder_.path() / "image.onnx", {Inputs(c, config_).graph(c, config_)}, 1)[0];
  expect_equal(out, native_answers(config_, Rounded(weights_), c), "rounded weights");
}

TEST_F(Exported, TextTowerTakesPromptsOfAnyLengthFilledUpWithAnything) {
  constexpr int kStart = 49406, kEnd = 49407;
  const Prompts prompts{
      {kStart, 320, 1125, 539, kEnd}, {kStart, kEnd}, {kStart, 7, 8, 9, 10, 11, 12, 500, kEnd}};
  OnnxGraph graph("text_tower", 17);
  record_text_tower(graph, config_, weights_, kEnd);
  graph.save(folder_.path() / "text.onnx");
  std::vector<GraphTensors> inputs;
  for (const std::int64_t length : {9, 12, 77})
    for (const std::int64_t filling : {0, kEnd}) {
      std::vector<std::int64_t> ids;
      for (const auto& prompt : prompts) {
        ids.insert(ids.end(), prompt.begin(), prompt.end());
        ids.resize(ids.size() + static_cast<std::size_t>(length) - prompt.size(), filling);
      }
      inputs.push_back({{"token_ids", {{3, length}, ids}}});
    }
  const auto b = make_native_backend();
  ParamLoader loader(*b, weights_);
  const std::vector<float> expected =
      b->to_host(ClipText(ParamScope(loader, "ov_classifier"), config_.clip).encode(*b, prompts));
  for (const GraphTensors& out : run_in_onnx_runtime(folder_.path() / "text.onnx", inputs, 1))
    EXPECT_LE(largest_difference(std::get<std::vector<float>>(out.at("text_embeddings").data), expected),
              kTextBound);
}

TEST(Export, SizesThatNoPaddedPictureHasAreNamed) {
  const SanConfig config = SanConfig::tiny();
  const FormulaSource weights(declare_parameters(config), "", "formula:tiny");
  OnnxGraph graph("image_branch", 17);
  EXPECT_THAT(error_of([&] {
                record_image_branch(graph, config, weights, {100, 128, {}});
              }),
              HasSubstr("a size of 100x128: expected multiples of 32, for example 128x160"));
}

TEST(Export, WritesWhatTheMetadataNames) {
  const TemporaryFolder folder;
  ExportRequest request;
  request.folder = folder.path() / "out";
  request.model = "formula:tiny";
  request.quiet = true;
  const auto files = export_onnx(request, *make_native_backend());
  ASSERT_EQ(files.size(), 4u);
  for (const ExportedFile& file : files)
    EXPECT_EQ(static_cast<std::int64_t>(fs::file_size(file.path)), file.bytes) << file.path;
}

TEST(Export, WhatIsCutShortLeavesNothing) {
  const TemporaryFolder folder;
  const std::atomic<bool> cancelled = true;
  ExportRequest request;
  request.model = "formula:tiny";
  request.quiet = true;
  request.external_data = true;
  request.cancelled = &cancelled;
  request.folder = folder.path() / "out";
  EXPECT_THAT(error_of([&] { export_onnx(request, *make_native_backend()); }),
              HasSubstr("interrupted while writing image.onnx"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  fs::create_directory(request.folder);
  EXPECT_NE(error_of([&] { export_onnx(request, *make_native_backend()); }), "");
  EXPECT_TRUE(fs::is_empty(request.folder)) << "and a folder that was there stays";
}

}  // namespace
}  // namespace san
