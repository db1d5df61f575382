#include "engine/conversion.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/error.h"
#include "checkpoint/model_file.h"
#include "checkpoint/safetensors.h"
#include "model/initial_parameters.h"

namespace san {
namespace {

// The name that OpenAI's CLIP has for a parameter of SAN, split after `feature_layer` vision blocks.
std::string openai_name(const std::string& name, int feature_layer) {
  const std::string deep = "clip_rec_head.resblocks.";
  if (name.starts_with(deep)) {
    const std::size_t dot = name.find('.', deep.size());
    const int block = std::stoi(name.substr(deep.size(), dot - deep.size()));
    return fmt::format("visual.transformer.resblocks.{}{}", block + feature_layer, name.substr(dot));
  }
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"clip_visual_extractor.resblocks.",
                                                                     "visual.transformer.resblocks."},
                                 {"clip_visual_extractor.", "visual."},
                                 {"clip_rec_head.", "visual."},
                                 {"ov_classifier.", ""}})
    if (name.starts_with(from)) return to + name.substr(from.size());
  return name;
}

class ConvertClip : public ::testing::Test {
 protected:
  ConvertClip() : root_(std::filesystem::temp_directory_path() / fmt::format("san_convert_{}", ::getpid())) {
    std::filesystem::create_directories(root_);
    std::map<std::string, std::string> san_names;
    std::vector<TensorInfo> tensors;
    for (const std::string& name : clip_.names()) {
      if (is_adapter_parameter(name)) continue;
      const std::string openai = openai_name(name, SanConfig::tiny().feature_layer);
      san_names[openai] = name;
      tensors.push_back({openai, DType::kF32, clip_.shape(name)});
    }
    write_safetensors(root_ / "clip.safetensors", tensors, {},
                      [&](const TensorInfo& t) { return clip_.load(san_names.at(t.name)); });
    std::ofstream(root_ / "merges.txt") << "#version: 0.2\nc a\nca t</w>\n";
  }
  ~ConvertClip() override { std::filesystem::remove_all(root_); }

  ConvertReport convert(std::vector<std::string> settings) {
    ConvertRequest r;
    r.input = root_ / "clip.safetensors", r.output = root_ / "model.safetensors";
    r.bpe = root_ / "merges.txt";
    r.activation = "gelu";
    r.set = {"clip.heads=4", "clip.text_heads=2"};
    r.set.insert(r.set.end(), settings.begin(), settings.end());
    return convert_model(r);
  }
  // The first weight of a vision block, told apart from all others.
  std::vector<float> block(const ParameterSource& p, const std::string& name) const {
    return p.load(name + ".attn.in_proj_weight").to_f32();
  }

  InitialParameters clip_{SanConfig::tiny(), 1};  // four vision blocks, two and two
  std::filesystem::path root_;
};

TEST_F(ConvertClip, SplitsThreeQuartersDownWhenNotTold) {
  EXPECT_EQ(convert({}).config.feature_layer, 3);
}

TEST_F(ConvertClip, SplitsWhereTold) {
  for (const int layer : {0, 1, 2}) {
    const ConvertReport report = convert({fmt::format("feature_layer={}", layer)});
    EXPECT_EQ(report.config.feature_layer, layer);
    for (const auto& [block, fused] : report.config.fusion) EXPECT_LE(fused, layer);
    const auto model = open_model_file(root_ / "model.safetensors").parameters;
    // Whatever the split, block 2 of the tower is the first deep one of the original.
    EXPECT_EQ(block(*model, fmt::format("clip_rec_head.resblocks.{}", 2 - layer)),
              block(clip_, "clip_rec_head.resblocks.0"));
    EXPECT_EQ(model->contains("clip_visual_extractor.resblocks.0.ln_1.weight"), layer > 0);
  }
}

TEST_F(ConvertClip, RefusesASplitThatLeavesNoDeepBlock) {
  EXPECT_THROW(convert({"feature_layer=4"}), Error);
  EXPECT_THROW(convert({"feature_layer=-1"}), Error);
  EXPECT_THROW(convert({"feature_layer=\"two\""}), Error);
  EXPECT_FALSE(std::filesystem::exists(root_ / "model.safetensors"));
}

}  // namespace
}  // namespace san
