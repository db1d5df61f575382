#include "checkpoint/name_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "checkpoint/formula.h"
#include "checkpoint/memory_source.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_zip.h"
#include "checkpoint/torch_file.h"

namespace san {
namespace {

using test::error_of;
using testing::HasSubstr;
using Arrays = std::map<std::string, HostArray>;

constexpr int kWidth = 4, kText = 3, kEmbed = 2;

// A CLIP of OpenAI's names with two vision blocks and one text block; every value differs from every other.
Arrays openai_clip() {
  Arrays arrays;
  float next = 0;
  const auto add = [&](const std::string& name, const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& value : values) value = next++;
    arrays[name] = HostArray::from(shape, std::move(values));
  };
  const auto block = [&](const std::string& prefix, int width) {
    for (const char* norm : {"ln_1", "ln_2"})
      for (const char* kind : {".weight", ".bias"}) add(prefix + norm + kind, {width});
    add(prefix + "attn.in_proj_weight", {3 * width, width});
    add(prefix + "attn.in_proj_bias", {3 * width});
    add(prefix + "attn.out_proj.weight", {width, width});
    add(prefix + "attn.out_proj.bias", {width});
    add(prefix + "mlp.c_fc.weight", {4 * width, width});
    add(prefix + "mlp.c_fc.bias", {4 * width});
    add(prefix + "mlp.c_proj.weight", {width, 4 * width});
    add(prefix + "mlp.c_proj.bias", {width});
  };
  add("visual.class_embedding", {kWidth});
  add("visual.positional_embedding", {5, kWidth});
  add("visual.conv1.weight", {kWidth, 3, 2, 2});
  for (const char* norm : {"visual.ln_pre", "visual.ln_post"})
    for (const char* kind : {".weight", ".bias"}) add(std::string(norm) + kind, {kWidth});
  add("visual.proj", {kWidth, kEmbed});
  for (const char* index : {"0", "1"})
    block(std::string("visual.transformer.resblocks.") + index + ".", kWidth);
  add("token_embedding.weight", {7, kText});
  add("positional_embedding", {6, kText});
  block("transformer.resblocks.0.", kText);
  add("ln_final.weight", {kText});
  add("ln_final.bias", {kText});
  add("text_projection", {kText, kEmbed});
  add("logit_scale", {});
  return arrays;
}

HostArray transpose(const HostArray& in) {
  const auto rows = in.shape[0], columns = in.shape[1];
  std::vector<float> out;
  for (std::int64_t c = 0; c < columns; ++c)
    for (std::int64_t r = 0; r < rows; ++r)
      out.push_back(in.f32()[static_cast<std::size_t>(r * columns + c)]);
  return HostArray::from({columns, rows}, std::move(out));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The same network as transformers' CLIPModel would save it.
Arrays hugging_face_clip() {
  const std::pair<const char*, const char*> renames[] = {
      {"visual.class_embedding", "vision_model.embeddings.class_embedding"},
      {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"},
      {"visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"},
      {"visual.ln_pre", "vision_model.pre_layrnorm"},
      {"visual.ln_post", "vision_model.post_layernorm"},
      {"visual.transformer.resblocks", "vision_model.encoder.layers"},
      {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
      {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
      {"ln_final", "text_model.final_layer_norm"},
      {"transformer.resblocks", "text_model.encoder.layers"}};
  Arrays out;
  for (const auto& [name, array] : openai_clip()) {
    if (name == "visual.proj" || name == "text_projection") {
      out[name == "visual.proj" ? "visual_projection.weight" : "text_projection.weight"] = transpose(array);
      continue;
    }
    std::string renamed = name;
    for (const auto& [from, to] : renames)
      if (renamed.starts_with(from)) {
        renamed = replaced(renamed, from, to);
        break;
      }
    for (const auto& [from, to] : {std::pair{"ln_1", "layer_norm1"},
                                   {"ln_2", "layer_norm2"},
                                   {"c_fc", "fc1"},
                                   {"c_proj", "fc2"},
                                   {"attn.out_proj", "self_attn.out_proj"}})
      renamed = replaced(renamed, from, to);
    const auto fused = renamed.find("attn.in_proj_");
    if (fused == std::string::npos) {
      out[renamed] = array;
      continue;
    }
    const auto values = array.f32();
    const auto third = values.size() / 3;
    Shape shape = array.shape;
    shape.set(0, shape[0] / 3);
    for (std::size_t part = 0; part < 3; ++part)
      out[replaced(renamed, "attn.in_proj_", std::string("self_attn.") + "qkv"[part] + "_proj.")] =
          HostArray::from(
              shape, std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(part * third),
                                        values.begin() + static_cast<std::ptrdiff_t>((part + 1) * third)));
  }
  out["vision_model.embeddings.position_ids"] = HostArray::from_i32({1, 5}, {0, 1, 2, 3, 4});
  return out;
}

std::shared_ptr<MemorySource> source_of(Arrays arrays) {
  return std::make_shared<MemorySource>(std::move(arrays), "memory");
}

void expect_equal(const ParameterSource& actual, const ParameterSource& expected) {
  EXPECT_EQ(actual.names(), expected.names());
  for (const auto& name : expected.names()) {
    ASSERT_TRUE(actual.contains(name)) << name;
    EXPECT_EQ(actual.shape(name), expected.shape(name)) << name;
    EXPECT_EQ(actual.load(name).shape, expected.shape(name)) << name;
    EXPECT_EQ(actual.load(name).to_f32(), expected.load(name).to_f32()) << name;
  }
}

TEST(NameMaps, OpenAiNamesBecomeSanNames) {
  const auto san = to_san_names(source_of(openai_clip()), 1);
  EXPECT_EQ(san.layout, SourceLayout::kOpenClip);
  const auto& p = *san.parameters;
  for (const char* name :
       {"clip_visual_extractor.class_embedding", "clip_visual_extractor.conv1.weight",
        "clip_visual_extractor.resblocks.0.attn.in_proj_weight", "clip_rec_head.resblocks.0.mlp.c_proj.bias",
        "clip_rec_head.proj", "clip_rec_head.ln_post.bias",
        "ov_classifier.transformer.resblocks.0.ln_2.weight", "ov_classifier.text_projection",
        "ov_classifier.logit_scale", "ov_classifier.positional_embedding"})
    EXPECT_TRUE(p.contains(name)) << name;
  EXPECT_EQ(p.names().size(), openai_clip().size());
  EXPECT_FALSE(p.contains("clip_visual_extractor.resblocks.1.ln_1.weight"));
  EXPECT_EQ(p.load("clip_rec_head.resblocks.0.ln_1.bias").to_f32(),
            openai_clip()["visual.transformer.resblocks.1.ln_1.bias"].to_f32());
}

TEST(NameMaps, HuggingFaceIsTheSameNetwork) {
  const auto expected = to_san_names(source_of(openai_clip()), 1);
  const auto actual = to_san_names(source_of(hugging_face_clip()), 1);
  EXPECT_EQ(actual.layout, SourceLayout::kHuggingFace);
  EXPECT_THAT(actual.dropped, testing::ElementsAre("vision_model.embeddings.position_ids"));
  expect_equal(*actual.parameters, *expected.parameters);
}

TEST(NameMaps, OpenClipFormsAreTheSameNetwork) {
  Arrays arrays;
  for (const auto& [name, array] : openai_clip()) {
    const bool text = !name.starts_with("visual.") && name != "logit_scale";
    arrays[(text ? "module.text." : "module.") + name] = array;
  }
  arrays["module.text.text_projection.weight"] = transpose(arrays["module.text.text_projection"]);
  arrays.erase("module.text.text_projection");
  arrays["module.logit_scale"].shape = Shape{1};
  arrays["module.text.attn_mask"] = HostArray::from({6, 6}, std::vector<float>(36));
  const auto actual = to_san_names(source_of(std::move(arrays)), 1);
  EXPECT_THAT(actual.dropped, testing::ElementsAre("module.text.attn_mask"));
  expect_equal(*actual.parameters, *to_san_names(source_of(openai_clip()), 1).parameters);
}

TEST(NameMaps, SanNamesStayAndBuffersGo) {
  const auto one = HostArray::from({1}, {1});
  const auto san = to_san_names(source_of({{"module.side_adapter_network.query_embed", one},
                                           {"module.clip_visual_extractor.class_embedding", one},
                                           {"module.criterion.empty_weight", one},
                                           {"module.ov_classifier.attn_mask", one},
                                           {"module.what.is.this", one}}));
  EXPECT_EQ(san.layout, SourceLayout::kSan);
  EXPECT_THAT(san.parameters->names(),
              testing::ElementsAre("clip_visual_extractor.class_embedding",
                                   "side_adapter_network.query_embed", "what.is.this"));
  EXPECT_THAT(san.dropped,
              testing::ElementsAre("module.criterion.empty_weight", "module.ov_classifier.attn_mask"));
}

TEST(NameMaps, RefusesWhatItCannotMap) {
  const auto one = HostArray::from({1}, {1});
  const auto refusal = [](Arrays arrays) {
    return error_of([&] { to_san_names(source_of(std::move(arrays)), 1); });
  };
  EXPECT_THAT(refusal({{"backbone.conv.weight", one}}), HasSubstr("neither a SAN nor a CLIP"));
  EXPECT_THAT(refusal({}), HasSubstr("neither a SAN nor a CLIP"));
  EXPECT_THAT(refusal({{"visual.trunk.x", one}, {"text.y", one}}), HasSubstr("not a plain ViT"));
  EXPECT_THAT(refusal({{"visual.layer1.0.conv1.weight", one}, {"visual.conv1.weight", one}}),
              HasSubstr("not a plain ViT"));
  EXPECT_THAT(error_of([] { to_san_names(source_of(openai_clip()), 3); }),
              HasSubstr("3 of the 2 vision blocks"));
  Arrays without_key = hugging_face_clip();
  without_key.erase("vision_model.encoder.layers.0.self_attn.k_proj.weight");
  EXPECT_THAT(refusal(without_key), HasSubstr("k_proj.weight"));
  Arrays twice = openai_clip();
  twice["text.ln_final.bias"] = one;
  EXPECT_THAT(refusal(twice), HasSubstr("are both ln_final.bias"));
}

TEST(NameMaps, DefaultSplitIsThreeQuarters) {
  const auto san = to_san_names(source_of(openai_clip()));
  EXPECT_TRUE(san.parameters->contains("clip_visual_extractor.resblocks.0.ln_1.bias"));
  EXPECT_TRUE(san.parameters->contains("clip_rec_head.resblocks.0.ln_1.bias"));
}

TEST(NameMaps, OpenAiArchiveHoldsTheFormulaRoundedToHalf) {
  const auto path = test::golden("tiny_clip.pt");
  SAN_REQUIRE_GOLDEN(path);
  const auto san = to_san_names(TorchFile::open(path), 2);
  const auto rows = test::read_tsv(test::data("tiny_clip_names.tsv"));
  std::vector<std::string> expected_names, expected_dropped;
  for (const auto& row : rows)
    (row[3] == "-" ? expected_dropped : expected_names).push_back(row[3] == "-" ? row[0] : row[3]);
  std::ranges::sort(expected_names);
  std::ranges::sort(expected_dropped);
  EXPECT_EQ(san.parameters->names(), expected_names);
  EXPECT_EQ(san.dropped, expected_dropped);
  for (const auto& row : rows) {
    if (row[3] == "-") continue;
    const HostArray actual = san.parameters->load(row[3]);
    const HostArray formula = FormulaSource({{row[3], actual.shape}}, "", "formula").load(row[3]);
    EXPECT_EQ(actual.to_f32(), formula.cast(row[2] == "float16" ? DType::kF16 : DType::kF32).to_f32())
        << row[3];
  }
}

}  // namespace
}  // namespace san
