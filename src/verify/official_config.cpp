#include "verify/official_config.h"

#include <cstdio>
#include <functional>
#include <map>

#include "base/bounded_json.h"
#include "base/error.h"

namespace san {
namespace {

using nlohmann::json;

// "vit_tiny_w48n3d4_patch16": width, heads, depth, patch.
void apply_vit_name(SanConfig& c, const std::string& name, const std::string& where) {
  int width = 0, heads = 0, depth = 0, patch = 0;
  const auto at = name.find("_w");
  const bool read = at != std::string::npos && std::sscanf(name.c_str() + at, "_w%5dn%5dd%5d_patch%5d",
                                                           &width, &heads, &depth, &patch) == 4;
  require(read, "{}: VIT_NAME \"{}\" is not like vit_w240n6d8_patch16", where, name);
  c.width = width, c.heads = heads, c.blocks = depth, c.patch = patch;
}

void apply_fusion(SanConfig& c, const json& value, const std::string& where) {
  c.fusion.clear();
  for (const json& entry : value) {
    const std::string text = entry.get<std::string>();
    int layer = 0, block = 0;
    require(std::sscanf(text.c_str(), "%5d->%5d", &layer, &block) == 2,
            "{}: FUSION_MAP entry \"{}\" is not like 3->1", where, text);
    c.fusion[block] = layer;
  }
}

// json's own conversion casts any number, also one that does not fit.
template <class Integer>
void apply_integer(Integer& field, const json& value, const std::string& where) {
  constexpr std::int64_t kMost = 1'000'000'000;
  require(value.is_number_integer() && value <= kMost && value >= -kMost,
          "{}: override {} is not a whole number of 9 digits at most", where, value.dump());
  field = static_cast<Integer>(value.get<std::int64_t>());
}

void apply_integers(std::vector<int>& field, const json& value, const std::string& where) {
  constexpr std::size_t kMost = 1024;
  require(value.is_array() && value.size() <= kMost,
          "{}: expected a list of at most {} numbers in an override", where, kMost);
  field.resize(value.size());
  for (std::size_t i = 0; i < field.size(); ++i) apply_integer(field[i], value[i], where);
}

}  // namespace

SanConfig apply_overrides(const SanConfig& base, const std::string& overrides, const std::string& where) {
  SanConfig c = base;
  const std::map<std::string, std::function<void(const json&)>> keys{
      {"MODEL.SAN.FEATURE_LAST_LAYER_IDX", [&](const json& v) { apply_integer(c.feature_layer, v, where); }},
      {"MODEL.SAN.CLIP_RESOLUTION", [&](const json& v) { v.get_to(c.clip_scale); }},
      {"MODEL.SIDE_ADAPTER.VIT_NAME", [&](const json& v) { apply_vit_name(c, v.get<std::string>(), where); }},
      {"MODEL.SIDE_ADAPTER.IMAGE_SIZE", [&](const json& v) { apply_integer(c.image_size, v, where); }},
      {"MODEL.SIDE_ADAPTER.NUM_QUERIES", [&](const json& v) { apply_integer(c.queries, v, where); }},
      {"MODEL.SIDE_ADAPTER.FUSION_MAP", [&](const json& v) { apply_fusion(c, v, where); }},
      {"MODEL.SIDE_ADAPTER.DEEP_SUPERVISION_IDXS",
       [&](const json& v) { apply_integers(c.supervision, v, where); }},
      {"MODEL.SIDE_ADAPTER.ATTN_BIAS.NUM_LAYERS",
       [&](const json& v) { apply_integer(c.bias_layers, v, where); }},
      {"MODEL.SIDE_ADAPTER.ATTN_BIAS.EMBED_CHANNELS",
       [&](const json& v) { apply_integer(c.embed_channels, v, where); }},
      {"MODEL.SIDE_ADAPTER.ATTN_BIAS.MLP_CHANNELS",
       [&](const json& v) { apply_integer(c.mlp_channels, v, where); }},
      {"MODEL.SIDE_ADAPTER.ATTN_BIAS.NUM_HEADS", [&](const json& v) {
         require(v == c.clip.heads, "{}: ATTN_BIAS.NUM_HEADS {} but CLIP has {} heads", where, v.dump(),
                 c.clip.heads);
       }}};
  const json list = parse_bounded_json(overrides, where + ": metadata \"overrides\"");
  require(list.is_array() && list.size() % 2 == 0, "{}: overrides are not a list of keys and values", where);
  for (std::size_t i = 0; i < list.size(); i += 2) {
    const std::string key = list[i].get<std::string>();
    const bool elsewhere = key == "MODEL.SAN.CLIP_MODEL_NAME" || key == "MODEL.SAN.NUM_CLASSES" ||
                           key == "MODEL.SAN.TRAIN_NUM_POINTS" || key.starts_with("INPUT.") ||
                           key.starts_with("SOLVER.");
    if (elsewhere) continue;
    const auto found = keys.find(key);
    require(found != keys.end(), "{}: override {} is not understood", where, key);
    found->second(list[i + 1]);
  }
  c.validate();
  return c;
}

}  // namespace san
