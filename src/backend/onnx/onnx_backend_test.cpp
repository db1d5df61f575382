#include "backend/onnx/onnx_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/test_error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;

const OnnxRecord* none = nullptr;

// What `network` leaves when its first input has `rows`, recorded after one of `other_rows`.
template <class Network>
std::map<std::string, int> recorded_twice(std::int64_t rows, std::int64_t other_rows, Network&& network) {
  OnnxRecord other;
  for (const std::int64_t n : {other_rows, rows}) {
    OnnxGraph graph("test", 17);
    const auto b = make_onnx_backend(graph, {n == rows ? &other : none, {}, {}});
    const Tensor x = b->input("x", OnnxType::kFloat, {n, 6}, {"rows", ""});
    const Tensor y = network(*b, x);
    graph.output("y", b->value(y), OnnxType::kFloat, b->extents(y.shape(), {"a", "b", "c", "d"}));
    if (n == rows) return graph.operators();
    other = b->record();
  }
  return {};
}

TEST(OnnxBackend, OperatorSetsOutOfRangeAreNamed) {
  EXPECT_THAT(error_of([] { OnnxGraph("g", 16); }), HasSubstr("operator set 16: expected 17"));
  EXPECT_THAT(error_of([] { OnnxGraph("g", 22); }), HasSubstr("to 21"));
}

TEST(OnnxBackend, WhatCannotBeRecordedIsNamed) {
  OnnxGraph graph("g", 17);
  const auto b = make_onnx_backend(graph);
  const Tensor x = b->input("x", OnnxType::kFloat, {1, 2, 4}, {});
  EXPECT_THAT(error_of([&] { b->to_host(x); }), HasSubstr("to_host cannot be recorded"));
  const Backend::Scope scope(*b, "text");
  EXPECT_THAT(error_of([&] {
                b->tree_attention(x, x, x, 2, TokenTree{{-1, 0}});
              }),
              HasSubstr("(text): tree_attention depends on the prompts"));
  const std::int32_t id = 1;
  EXPECT_THAT(error_of([&] { b->from_ids({1, 1}, std::span(&id, 1)); }), HasSubstr("token numbers"));
}

TEST(OnnxBackend, SizesThatDifferBetweenRecordingsAreTakenFromTheInputs) {
  // One free extent in a reshape needs no arithmetic, a broadcast to it needs the input's shape.
  const auto reshaped = recorded_twice(5, 7, [](Backend& b, const Tensor& x) {
    return b.reshape(x, {x[0], 2, 3});
  });
  EXPECT_EQ(reshaped.count("Shape"), 0u);
  const auto spread = recorded_twice(5, 7, [](Backend& b, const Tensor& x) {
    const std::vector<float> ones(6, 1.0f);
    return b.add(x, b.broadcast(b.from_host({1, 6}, ones), {x[0], 6}));
  });
  EXPECT_EQ(spread.at("Shape"), 1);
  EXPECT_EQ(spread.at("Expand"), 1);
  // To the end of an axis is no number at all.
  const auto cut = recorded_twice(5, 7, [](Backend& b, const Tensor& x) { return b.slice(x, 0, 1, x[0]); });
  EXPECT_EQ(cut.count("Shape"), 0u);
}

TEST(OnnxBackend, SizesThatFollowFromNothingAreNamed) {
  EXPECT_THAT(error_of([] {
                recorded_twice(5, 7, [](Backend& b, const Tensor& x) {
                  const Backend::Scope scope(b, "head");
                  return b.broadcast(b.slice(x, 0, 0, 1), {x[0] * x[0], 6});
                });
              }),
              HasSubstr("onnx (head): an extent of 25 (and 49 in the other recording)"));
  EXPECT_THAT(error_of([] {
                recorded_twice(5, 7,
                               [](Backend& b, const Tensor& x) { return b.slice(x, 0, x[0] - 1, x[0]); });
              }),
              HasSubstr("where a slice begins depends on the sizes of the inputs"));
  EXPECT_THAT(error_of([] {
                recorded_twice(5, 7, [](Backend& b, const Tensor& x) {
                  const std::vector<float> ones(static_cast<std::size_t>(x[0]), 1.0f);
                  return b.add(x, b.from_host({x[0], 1}, ones));
                });
              }),
              HasSubstr("a constant's shape [5, 1] depends on the sizes"));
}

TEST(OnnxBackend, ANetworkOfAnotherFormAtOtherSizesIsNamed) {
  EXPECT_THAT(error_of([] {
                recorded_twice(5, 7, [](Backend& b, const Tensor& x) {
                  return x[0] == 7 ? x : b.reshape(b.softmax(x), {x[0], 1, 6});
                });
              }),
              HasSubstr("another form at other sizes"));
}

TEST(OnnxGraph, WeightsThatHalfPrecisionCannotHoldAreNamedAndNothingIsLeft) {
  const fs::path path = fs::path(testing::TempDir()) / "overflow.onnx";
  fs::remove(path);
  OnnxGraph graph("g", 17, true);
  graph.weight("tower.proj", {2, 2}, [] { return std::vector<float>{1, 70000, 0, 0}; });
  EXPECT_THAT(error_of([&] { graph.save(path); }),
              HasSubstr("tower.proj: value 1 is 70000, more than float16 holds (65504)"));
  EXPECT_FALSE(fs::exists(path));
}

TEST(OnnxGraph, WhatOnnxsCheckerRefusesIsNotWritten) {
  const fs::path folder = fs::path(testing::TempDir()) / "refused";
  fs::remove_all(folder);
  fs::create_directory(folder);
  const auto refused = [&](OnnxGraph& graph, const char* words) {
    for (const bool external : {false, true})
      EXPECT_THAT(error_of([&] {
                    graph.save(folder / "wrong.onnx", {external, {}});
                  }),
                  testing::AllOf(HasSubstr("onnx's checker refuses"), HasSubstr(words)))
          << "operator set " << graph.opset();
    EXPECT_TRUE(fs::is_empty(folder)) << "operator set " << graph.opset();
  };
  for (int opset = kFirstOnnxOpset; opset <= kLastOnnxOpset; ++opset) {
    const auto weight = [](OnnxGraph& graph) {
      return graph.weight("w", {64, 64}, [] { return std::vector<float>(4096, 1); });
    };
    OnnxGraph unknown("g", opset), attribute("g", opset), operand("g", opset);
    const std::string x = unknown.input("x", OnnxType::kFloat, {{64, ""}});
    unknown.output("y", unknown.node("", "NoSuchOperator", {x, weight(unknown)}), OnnxType::kFloat,
                   {{64, ""}});
    refused(unknown, "NoSuchOperator");
    attribute.output("y",
                     attribute.node("", "Softmax", {weight(attribute)}, {{"direction", std::int64_t{1}}}),
                     OnnxType::kFloat, {{64, ""}, {64, ""}});
    refused(attribute, "direction");
    operand.output("y", operand.node("", "MatMul", {weight(operand), "nobody"}), OnnxType::kFloat,
                   {{64, ""}});
    refused(operand, "nobody");
  }
}

// Operators that onnx's checker here knows only in another form.
TEST(OnnxGraph, WhatLaterOperatorSetsChangedIsNotRefused) {
  const fs::path path = fs::path(testing::TempDir()) / "later.onnx";
  for (int opset = kFirstOnnxOpset; opset <= kLastOnnxOpset; ++opset) {
    OnnxGraph graph("g", opset);
    std::string x = graph.input("x", OnnxType::kFloat, {{1, ""}, {1, ""}, {8, ""}, {8, ""}});
    x = graph.reduce("", "ReduceMax", x, 3);
    x = graph.reduce("", "ReduceSum", x, 2);
    if (opset >= 20) x = graph.node("", "Gelu", {x});
    if (opset >= 18)
      x = graph.node("", "Resize", {x, "", "", graph.integers({1, 1, 2, 2})},
                     {{"mode", std::string("linear")}, {"antialias", std::int64_t{1}}});
    graph.output("y", x, OnnxType::kFloat, {{1, ""}, {1, ""}, {2, ""}, {2, ""}});
    graph.save(path);
    EXPECT_TRUE(fs::exists(path));
    fs::remove(path);
  }
}

TEST(OnnxGraph, WeightsOfInt8AreWholeNumbersOfOneByte) {
  const fs::path path = fs::path(testing::TempDir()) / "int8.onnx";
  fs::remove(path);
  OnnxGraph graph("g", 18);
  graph.int8_weight("w", {2, 2}, [] { return std::vector<float>{-128, 127, 0, 1}; });
  EXPECT_EQ(graph.weight_bytes(), 4);
  graph.save(path);
  OnnxGraph large("g", 18);
  large.int8_weight("w", {2, 2}, [] { return std::vector<float>{-128, 128, 0, 1}; });
  EXPECT_THAT(error_of([&] { large.save(path); }), HasSubstr("w: 128 is no value of int8"));
}

}  // namespace
}  // namespace san
