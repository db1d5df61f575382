#include "model/initial_parameters.h"

#include <gtest/gtest.h>

#include <cmath>

namespace san {
namespace {

double deviation(const ParameterSource& source, const std::string& name) {
  double squares = 0;
  const std::vector<float> values = source.load(name).to_f32();
  for (const float v : values) squares += double{v} * v;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

double largest(const ParameterSource& source, const std::string& name) {
  float most = 0;
  for (const float v : source.load(name).to_f32()) most = std::max(most, std::abs(v));
  return most;
}

TEST(InitialParameters, AreAFunctionOfSeedAndName) {
  const SanConfig config = SanConfig::tiny();
  const InitialParameters a(config, 1), b(config, 1), c(config, 2);
  for (const char* name : {"side_adapter_network.vit_model.blocks.0.attn.qkv.weight", "clip_rec_head.proj",
                           "ov_classifier.bg_embed"}) {
    EXPECT_EQ(a.load(name).to_f32(), b.load(name).to_f32()) << name;
    EXPECT_NE(a.load(name).to_f32(), c.load(name).to_f32()) << name;
  }
  EXPECT_NE(a.load("side_adapter_network.vit_model.blocks.0.attn.qkv.weight").to_f32(),
            a.load("side_adapter_network.vit_model.blocks.1.attn.qkv.weight").to_f32());
}

// Deviations of a few thousand values are off by about 1 %; tolerances are five times that.
TEST(InitialParameters, TheAdapterFollowsTheOfficialRecipe) {
  const InitialParameters p(SanConfig::tiny(), 7);
  const std::string side = "side_adapter_network.", vit = side + "vit_model.blocks.0.";
  EXPECT_NEAR(deviation(p, vit + "attn.qkv.weight"), 0.02, 0.001);
  EXPECT_EQ(deviation(p, vit + "attn.qkv.bias"), 0);
  EXPECT_EQ(p.load(vit + "norm1.weight").to_f32(), std::vector<float>(48, 1));
  EXPECT_EQ(deviation(p, vit + "norm1.bias"), 0);
  EXPECT_NEAR(deviation(p, side + "vit_model.pos_embed"), 0.02, 0.002);
  // Caffe2's Xavier: variance 1 / fan-in, of 64 CLIP channels.
  const std::string fusion = side + "fusion_layers.layer_0.input_proj.";
  EXPECT_NEAR(deviation(p, fusion + "1.weight"), 1 / std::sqrt(64.0), 0.006);
  EXPECT_EQ(deviation(p, fusion + "1.bias"), 0);
  EXPECT_EQ(p.load(fusion + "0.weight").to_f32(), std::vector<float>(64, 1));
  // torch's linear layer: uniform within 1 / √fan-in, weight and bias; deviation 1 / √(3 fan-in), fan-in 40.
  const std::string mlp = side + "mask_decoder.pix_mlp.layers.1.";
  EXPECT_NEAR(deviation(p, mlp + "weight"), 1 / std::sqrt(120.0), 0.005);
  EXPECT_LE(largest(p, mlp + "weight"), 1 / std::sqrt(40.0));
  EXPECT_GT(largest(p, mlp + "bias"), 0.8 / std::sqrt(40.0));
  EXPECT_LE(largest(p, mlp + "bias"), 1 / std::sqrt(40.0));
}

TEST(InitialParameters, ClipIsThatOfItsPaper) {
  const InitialParameters p(SanConfig::tiny(), 1);
  EXPECT_NEAR(p.load("ov_classifier.logit_scale").to_f32()[0], std::log(1 / 0.07), 1e-6);
  EXPECT_EQ(p.load("clip_rec_head.ln_post.weight").to_f32(), std::vector<float>(64, 1));
  EXPECT_NEAR(deviation(p, "ov_classifier.token_embedding.weight"), 0.02, 0.001);
  // Width 64, 4 blocks: what is added to the residual stream is smaller by the root of twice the blocks.
  EXPECT_NEAR(deviation(p, "clip_rec_head.resblocks.0.attn.in_proj_weight"), 0.125, 0.006);
  EXPECT_NEAR(deviation(p, "clip_rec_head.resblocks.0.mlp.c_proj.weight"), 0.125 / std::sqrt(8.0), 0.003);
}

TEST(InitialParameters, AFreshAdapterLeavesClipAsItIs) {
  SanConfig config = SanConfig::tiny();
  const auto clip = std::make_shared<InitialParameters>(config, 1);
  config.queries = 6;  // another adapter on the same CLIP
  const auto joined = with_initial_adapter(clip, config, 2);
  EXPECT_EQ(joined->names(), InitialParameters(config, 2).names());
  EXPECT_EQ(joined->shape("side_adapter_network.query_embed"), (Shape{1, 6, 48}));
  EXPECT_EQ(joined->load("clip_rec_head.proj").to_f32(), clip->load("clip_rec_head.proj").to_f32());
  EXPECT_EQ(joined->load("ov_classifier.bg_embed").to_f32(),
            InitialParameters(config, 2).load("ov_classifier.bg_embed").to_f32());
}

}  // namespace
}  // namespace san
