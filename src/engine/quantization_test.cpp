#include "engine/quantization.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "backend/native/native_backend.h"
#include "base/error.h"
#include "base/test_error.h"
#include "engine/conversion.h"
#include "engine/default_model.h"
#include "engine/int8_weights.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;

Image scene(int size, int seed) {
  Image image(size, size);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      std::uint8_t* p = image.row(y) + static_cast<std::ptrdiff_t>(x) * 3;
      const bool inside = (x - size / 2) * (x - size / 2) + (y - size / 2) * (y - size / 2) < size * size / 9;
      p[0] = static_cast<std::uint8_t>(inside ? 220 : seed * 40);
      p[1] = static_cast<std::uint8_t>(inside ? 40 : y * 255 / size);
      p[2] = static_cast<std::uint8_t>(inside ? seed * 30 : 120);
    }
  return image;
}

std::unique_ptr<Backend> native(std::function<bool(std::string_view)> int8, bool exact_attention = false) {
  return make_native_backend({1, nullptr, std::move(int8), nullptr, exact_attention});
}

EncodingOptions quietly() {
  EncodingOptions o;
  o.use_cache = false, o.quiet = true;
  return o;
}

TEST(Int8Weights, AreThoseOfTheImagesBlocks) {
  const auto rule = int8_rule(load_model("formula:tiny"));
  for (const char* name : {"clip_visual_extractor.resblocks.0.attn.in_proj_weight",
                           "clip_rec_head.resblocks.1.mlp.c_proj.weight",
                           "side_adapter_network.vit_model.blocks.0.attn.qkv.weight"})
    EXPECT_TRUE(rule(name)) << name;
  for (const char* name : {"ov_classifier.transformer.resblocks.0.mlp.c_fc.weight", "clip_rec_head.proj",
                           "side_adapter_network.mask_decoder.query_mlp.layers.0.weight",
                           "side_adapter_network.vit_model.patch_embed.proj.weight"})
    EXPECT_FALSE(rule(name)) << name;
}

TEST(Int8Weights, OfWordsAreThoseOfTheTextTowersBlocks) {
  const auto rule = text_rule(load_model("formula:tiny"));
  EXPECT_TRUE(rule("ov_classifier.transformer.resblocks.0.mlp.c_fc.weight"));
  EXPECT_TRUE(rule("ov_classifier.transformer.resblocks.1.attn.in_proj_weight"));
  for (const char* name : {"clip_visual_extractor.resblocks.0.attn.in_proj_weight",
                           "ov_classifier.token_embedding.weight", "ov_classifier.text_projection"})
    EXPECT_FALSE(rule(name)) << name;
}

TEST(Quantization, KeepsTheWorstLayersUntilLabelsAgree) {
  const LoadedModel model = load_model("formula:tiny");
  const std::vector<Image> pictures = {scene(64, 1), scene(64, 3)};
  const auto words = parse_class_list("cat, dog, sky, wall");
  QuantizationOptions options;
  options.threads = 1;
  options.agreement = 0;
  std::int64_t steps = 0;
  options.progress = [&](std::int64_t done, std::int64_t) { steps = done; };
  const QuantizationReport loose = measure_quantization(model, native, pictures, words, quietly(), options);
  EXPECT_EQ(loose.pictures, 2);
  EXPECT_EQ(loose.pixels, 2 * 64 * 64);
  EXPECT_TRUE(loose.kept().empty());
  EXPECT_EQ(loose.agreement, loose.agreement_of_all);
  EXPECT_GT(loose.layers.size(), 8u);
  EXPECT_EQ(steps, 2 * static_cast<std::int64_t>(loose.layers.size() + 3));
  for (std::size_t i = 1; i < loose.layers.size(); ++i)
    EXPECT_LE(loose.layers[i - 1].agreement, loose.layers[i].agreement);
  for (const LayerError& l : loose.layers) {
    EXPECT_GT(l.weight_error, 0) << l.name;
    EXPECT_LT(l.weight_error, 0.02)
        << l.name;  // half a step of 127 at most, uniform: 1 / (127 √12) of the largest
  }
  // All kept is float32, whose labels are its own, but for attention where it is rounded: that turns pixels
  // at which two classes of random weights are all but equal.
  options.agreement = 1;
  const QuantizationReport strict = measure_quantization(model, native, pictures, words, quietly(), options);
  const std::string form = native_int8_form();
  EXPECT_GE(strict.agreement, form == "AMX" || form == "VNNI" ? 0.99 : 1);
  EXPECT_GE(strict.agreement_of_attention, form == "AMX" || form == "VNNI" ? 0.99 : 1);
  EXPECT_EQ(strict.agreement_of_all, loose.agreement_of_all);
  if (loose.agreement_of_all < 1) {
    EXPECT_FALSE(strict.kept().empty());
    EXPECT_TRUE(strict.layers[0].kept) << "the worst first";
  }
  EXPECT_NE(error_of([&] { measure_quantization(model, native, {}, words, quietly(), options); }), "");
}

class Int8File : public ::testing::Test {
 protected:
  Int8File() : root_(fs::temp_directory_path() / fmt::format("san_int8_{}", ::getpid())) {
    fs::create_directories(root_);
    if (!has_default_model()) return;
    ConvertRequest r;
    r.output = root_ / "int8.safetensors";
    r.int8 = true, r.dtype = DType::kF16;
    r.kept = {kKept};
    convert_model(r, open_default_model());
    r.output = root_ / "fp32.safetensors";
    r.int8 = false, r.dtype = DType::kF32;
    convert_model(r, open_default_model());
  }
  ~Int8File() override { fs::remove_all(root_); }

  static constexpr const char* kKept = "clip_visual_extractor.resblocks.0.mlp.c_fc.weight";
  fs::path root_;
};

TEST_F(Int8File, IsSmallAndLabelsAsTheModelInInt8Does) {
  if (!has_default_model()) GTEST_SKIP() << "no built-in model";
  const auto size = [&](const char* name) { return static_cast<double>(fs::file_size(root_ / name)); };
  EXPECT_LT(size("int8.safetensors"), 0.3 * size("fp32.safetensors"));
  const LoadedModel small = load_model((root_ / "int8.safetensors").string()), whole = load_model("default");
  EXPECT_NE(small.text_hash, whole.text_hash) << "its text tower is rounded, so its embeddings are others";
  const auto rule = int8_rule(small);
  EXPECT_FALSE(rule(kKept));
  EXPECT_TRUE(rule("clip_visual_extractor.resblocks.0.mlp.c_proj.weight"));
  EXPECT_FALSE(rule("ov_classifier.transformer.resblocks.0.mlp.c_fc.weight"));

  const auto labels = [&](const LoadedModel& model, bool int8) {
    const auto engine = std::make_shared<const Engine>(model, native(int8 ? rule : nullptr));
    const auto words = engine->encode(parse_class_list("red circle, sky, grass, wall"), quietly());
    return Session(engine, 1).segment(scene(128, 2), words).labels.labels;
  };
  const auto exact = labels(whole, false);
  const auto agreement = [&](const auto& near) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < near.size(); ++i) same += near[i] == exact[i];
    return static_cast<double>(same) / static_cast<double>(near.size());
  };
  // A picture that the model was not made for, with many borders to lose; measured on scenes it is above
  // 0.99.
  EXPECT_GT(agreement(labels(small, true)), 0.95);
  EXPECT_GT(agreement(labels(small, false)), 0.95);
  EXPECT_GT(agreement(labels(whole, true)), 0.95);
}

}  // namespace
}  // namespace san
