// The segmenter graph in ONNX Runtime against the engine: picture in, labels out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/native/native_backend.h"
#include "base/random.h"
#include "base/test_error.h"
#include "engine/engine.h"
#include "export/graphs.h"
#include "export/runtime_for_tests.h"
#include "image/resize.h"

namespace san {
namespace {

using test::error_of;
using testing::HasSubstr;

/// What the scores of a pixel may differ by: 20 times the float32 noise of the authors' code (sem_seg of the
/// tiny recording); a label may be any class within it of the best.
constexpr double kScoreNoise = 20 * 1.23e-5;

/// Discs and stripes on a slanted ground.
Image drawn(int height, int width) {
  Image picture(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double v = static_cast<double>(y) / height, u = static_cast<double>(x) / width;
      const bool disc = std::hypot(u - 0.3, v - 0.45) < 0.2,
                 ring = std::abs(std::hypot(u - 0.7, v - 0.6) - 0.2) < 0.05;
      std::uint8_t* rgb =
          picture.rgb.data() +
          3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x));
      rgb[0] = static_cast<std::uint8_t>(disc ? 230 : 90 + 60 * u);
      rgb[1] = static_cast<std::uint8_t>(disc ? 180 : ring ? 40 : 120 + 100 * v);
      rgb[2] = static_cast<std::uint8_t>(ring ? 200 : disc ? 60 : 240 - 120 * v);
    }
  return picture;
}

class Segmenter : public RuntimeTest {};

TEST_F(Segmenter, LabelsPicturesOfAnySizeAsTheEngineDoes) {
  const LoadedModel model = load_model("default");
  const SanConfig config = san_config(model, "test");
  const auto engine = std::make_shared<Engine>(model, make_native_backend());
  // Two names of one class: rows and classes differ.
  EncodingOptions encoding;
  encoding.use_cache = false;
  encoding.quiet = true;
  const auto words =
      engine->encode(parse_class_list("sun, doughnut|ring, night sky, meadow|grass, moon"), encoding);
  OnnxGraph open("segmenter", 18), folded("segmenter", 18);
  record_segmenter(open, config, *model.parameters);
  FoldedClasses classes{words->rows, {}};
  for (const int c : words->row_classes()) classes.row_class.push_back(c);
  record_segmenter(folded, config, *model.parameters, classes);
  open.save(folder_.path() / "open.onnx");
  folded.save(folder_.path() / "folded.onnx");

  // Shrunk, enlarged, and so long that the long side decides.
  const std::vector<Size> sizes{{451, 600}, {100, 75}, {60, 700}, {256, 256}};
  Session session(engine, 1);
  std::vector<GraphTensors> inputs, with_text;
  for (const Size& size : sizes) {
    inputs.push_back({{"picture", {{size.height, size.width, 3}, drawn(size.height, size.width).rgb}}});
    with_text.push_back(inputs.back());
    with_text.back().emplace("text_embeddings", GraphTensor{{words->row_count(), words->dim}, words->rows});
  }
  const auto from_folded = run_in_onnx_runtime(folder_.path() / "folded.onnx", inputs, 1);
  const auto from_open = run_in_onnx_runtime(folder_.path() / "open.onnx", with_text, 1);
  const std::vector<int> row_class = words->row_classes();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto [height, width] = sizes[i];
    const Logits logits = session.name(session.look(drawn(height, width)), words);
    const auto check = [&](const GraphTensors& got, const HeadOptions& head, const char* what) {
      std::vector<int> all;
      for (int k = 0; k < head.classes; ++k) all.push_back(k);
      const auto scores =
          session.segmentation_head().class_scores({&logits.view, 1}, height, width, head, all);
      const auto& labels = std::get<std::vector<std::int32_t>>(got.at("labels").data);
      const std::size_t pixels = labels.size();
      ASSERT_EQ(pixels * all.size(), scores.size());
      double worst = 0;
      std::size_t away = 0;
      std::vector<bool> seen(all.size());
      for (std::size_t p = 0; p < pixels; ++p) {
        float best = 0;
        for (std::size_t k = 0; k < all.size(); ++k) best = std::max(best, scores[k * pixels + p]);
        const double lost = best - scores[static_cast<std::size_t>(labels[p]) * pixels + p];
        worst = std::max(worst, lost);
        away += lost > kScoreNoise ? 1 : 0;
        seen[static_cast<std::size_t>(labels[p])] = true;
      }
      EXPECT_GE(std::ranges::count(seen, true), 2) << "nothing to tell apart";
      EXPECT_EQ(away, 0u) << what << " " << height << "x" << width << ": worst " << worst;
    };
    HeadOptions options;
    options.classes = words->row_count();
    check(from_open[i], options, "rows");
    options.classes = static_cast<int>(words->classes.size());
    options.row_class = row_class;
    check(from_folded[i], options, "classes");
  }
}

// Pillow rounds its filter to 22 bits and each pass to 8; the runtime does its own. On noise, where every
// difference shows, the values that differ and by how much.
TEST_F(Segmenter, ResizesPicturesAlmostAsPillow) {
  OnnxGraph graph("resize", 18);
  const std::string picture =
      graph.input("picture", OnnxType::kUInt8, {{1, ""}, {3, ""}, {0, "h"}, {0, "w"}});
  const std::string size = graph.input("size", OnnxType::kInt64, {{2, ""}});
  graph.output("resized", record_resize(graph, picture, size, true), OnnxType::kUInt8,
               {{1, ""}, {3, ""}, {0, "height"}, {0, "width"}});
  graph.save(folder_.path() / "resize.onnx");
  struct Case {
    Size from, to;
  };
  const std::vector<Case> cases{{{100, 75}, {341, 256}},  {{200, 300}, {256, 384}},
                                {{451, 600}, {256, 341}}, {{480, 640}, {256, 341}},
                                {{700, 301}, {595, 256}}, {{1024, 768}, {341, 256}}};
  std::vector<GraphTensors> inputs;
  std::vector<Image> expected;
  for (const auto& [from, to] : cases) {
    Image noise(from.height, from.width);
    Rng rng(static_cast<std::uint64_t>(from.height));
    for (auto& v : noise.rgb) v = static_cast<std::uint8_t>(rng.below(256));
    std::vector<std::uint8_t> planes(noise.rgb.size());
    const std::size_t pixels = noise.rgb.size() / 3;
    for (std::size_t i = 0; i < noise.rgb.size(); ++i) planes[i % 3 * pixels + i / 3] = noise.rgb[i];
    inputs.push_back({{"picture", {{1, 3, from.height, from.width}, std::move(planes)}},
                      {"size", {{2}, std::vector<std::int64_t>{to.height, to.width}}}});
    expected.push_back(resize(noise, to.height, to.width, ResizeFilter::kBilinear));
  }
  const auto outputs = run_in_onnx_runtime(folder_.path() / "resize.onnx", inputs, 1);
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const auto& got = std::get<std::vector<std::uint8_t>>(outputs[c].at("resized").data);
    const std::vector<std::uint8_t>& pillow = expected[c].rgb;
    ASSERT_EQ(got.size(), pillow.size());
    const bool enlarged = cases[c].from.height < cases[c].to.height;
    std::size_t different = 0;
    int most = 0;
    for (std::size_t i = 0; i < pillow.size(); ++i) {
      const int apart = std::abs(int{got[i % 3 * (pillow.size() / 3) + i / 3]} - int{pillow[i]});
      different += apart > 0 ? 1 : 0;
      most = std::max(most, apart);
    }
    const std::string what = fmt::format("{}x{} to {}x{}", cases[c].from.height, cases[c].from.width,
                                         cases[c].to.height, cases[c].to.width);
    EXPECT_LE(static_cast<double>(different) / static_cast<double>(pillow.size()), 0.025) << what;
    EXPECT_LE(most, enlarged ? 1 : 16) << what;
  }
}

TEST(SegmenterGraph, OperatorSetsWithoutSmoothingResizeAreNamed) {
  const LoadedModel model = load_model("formula:tiny");
  OnnxGraph graph("segmenter", 17);
  EXPECT_THAT(error_of([&] { record_segmenter(graph, san_config(model, "test"), *model.parameters); }),
              HasSubstr("segmenter: operator set 17 is too old"));
}

}  // namespace
}  // namespace san
