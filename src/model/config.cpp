#include "model/config.h"

#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/error.h"

namespace san {
namespace {

using nlohmann::json;

// The one list of fields: writer and reader both walk it.
template <class Clip, class Visit>
void clip_fields(Clip& c, Visit&& visit) {
  visit("width", c.width), visit("layers", c.layers), visit("heads", c.heads), visit("patch", c.patch);
  visit("grid", c.grid), visit("embed_dim", c.embed_dim);
  visit("text_width", c.text_width), visit("text_layers", c.text_layers), visit("text_heads", c.text_heads);
  visit("context", c.context), visit("vocabulary", c.vocabulary);
}

template <class San, class Visit>
void san_fields(San& c, Visit&& visit) {
  visit("width", c.width), visit("blocks", c.blocks), visit("heads", c.heads), visit("patch", c.patch);
  visit("image_size", c.image_size), visit("queries", c.queries), visit("embed_channels", c.embed_channels);
  visit("mlp_channels", c.mlp_channels), visit("bias_layers", c.bias_layers),
      visit("feature_layer", c.feature_layer);
  visit("recognition_layer", c.recognition_layer), visit("clip_scale", c.clip_scale);
  visit("decoupled_heads", c.decoupled_heads), visit("supervision", c.supervision);
  visit("short_side", c.short_side), visit("long_side", c.long_side);
}

void check(bool ok, const char* field, const char* rule) {
  require(ok, "model configuration: {}: {}", field, rule);
}

template <class Config, class Fields>
void read_fields(Config& config, const json& object, const std::string& where, std::vector<std::string> known,
                 Fields fields) {
  fields(config, [&](const char* name, auto& value) {
    known.emplace_back(name);
    require(object.contains(name), "{}: field \"{}\" is missing", where, name);
    try {
      object.at(name).get_to(value);
    } catch (const json::exception&) {
      fail("{}: field \"{}\" has the wrong type: {}", where, name, object.at(name).dump());
    }
  });
  for (const auto& [key, value] : object.items())
    require(std::find(known.begin(), known.end(), key) != known.end(), "{}: unknown field \"{}\"", where,
            key);
}

}  // namespace

std::string_view activation_name(Activation kind) {
  return kind == Activation::kGelu ? "gelu" : "quick_gelu";
}

Activation activation_from_name(std::string_view name, const std::string& where) {
  if (name == "gelu") return Activation::kGelu;
  if (name == "quick_gelu") return Activation::kQuickGelu;
  fail("{}: activation \"{}\" is unknown; expected quick_gelu (OpenAI weights) or gelu (most LAION weights)",
       where, name);
}

void SanConfig::validate() const {
  // Bounds keep a hostile file from asking for absurd amounts of memory.
  constexpr std::int64_t kMost = 1 << 16;
  const auto in = [](std::int64_t v, std::int64_t low, std::int64_t high) { return low <= v && v <= high; };
  check(in(clip.width, 1, kMost) && in(clip.heads, 1, 1024) && clip.width % clip.heads == 0, "clip.width",
        "must be a multiple of clip.heads, at most 65536");
  check(in(clip.layers, 1, 1024) && in(clip.text_layers, 1, 1024), "clip.layers", "must be 1 to 1024");
  check(in(clip.patch, 1, 1024) && in(clip.grid, 1, 1024), "clip.patch", "patch and grid must be 1 to 1024");
  check(in(clip.embed_dim, 1, kMost), "clip.embed_dim", "must be 1 to 65536");
  check(
      in(clip.text_width, 1, kMost) && in(clip.text_heads, 1, 1024) && clip.text_width % clip.text_heads == 0,
      "clip.text_width", "must be a multiple of clip.text_heads, at most 65536");
  check(in(clip.context, 3, kMost), "clip.context", "must be 3 to 65536");
  check(in(clip.vocabulary, 514, 1 << 22), "clip.vocabulary",
        "must be 514 (bytes and two markers) to 4194304");
  check(in(width, 1, kMost) && in(heads, 1, 1024) && width % heads == 0, "width",
        "must be a multiple of heads, at most 65536");
  check(in(blocks, 1, 1024), "blocks", "must be 1 to 1024");
  check(in(patch, 1, 1024) && in(image_size, patch, kMost) && image_size % patch == 0, "image_size",
        "must be a multiple of patch");
  check(in(queries, 1, 10'000), "queries", "must be 1 to 10000");
  check(in(embed_channels, 1, kMost) && in(mlp_channels, 1, kMost), "embed_channels", "must be 1 to 65536");
  check(in(feature_layer, 0, clip.layers - 1), "feature_layer", "must leave at least one deep CLIP block");
  check(in(recognition_layer, -1, feature_layer), "recognition_layer",
        "must be -1 (feature_layer) or 0 to feature_layer");
  check(bias_layers == 1 || (decoupled_heads && bias_layers == clip.layers - recognition_start()),
        "bias_layers", "must be 1 or the number of deep CLIP blocks");
  check(clip_scale >= 1.0 / 64 && clip_scale <= 4, "clip_scale", "must be 1/64 to 4");
  for (const auto& [block, layer] : fusion)
    check(in(block, 0, blocks) && in(layer, 0, feature_layer), "fusion",
          "maps side blocks 0..blocks to CLIP layers 0..feature_layer");
  check(!supervision.empty() && std::is_sorted(supervision.begin(), supervision.end()) &&
            supervision.front() >= 1 && supervision.back() == blocks &&
            std::adjacent_find(supervision.begin(), supervision.end()) == supervision.end(),
        "supervision", "must be rising block numbers ending with the last block");
  check(in(short_side, 32, kMost) && in(long_side, short_side, kMost), "short_side",
        "must be 32 to long_side, long_side at most 65536");
}

SanConfig SanConfig::vit_b_16() {
  return {};
}

SanConfig SanConfig::vit_l_14_336() {
  SanConfig c;
  c.clip.width = 1024, c.clip.layers = 24, c.clip.heads = 16, c.clip.patch = 14, c.clip.grid = 24,
  c.clip.embed_dim = 768;
  c.clip.text_width = 768, c.clip.text_heads = 12;
  c.feature_layer = 18;
  c.fusion = {{0, 0}, {1, 6}, {2, 12}, {3, 18}};
  c.clip_scale = 0.7;
  return c;
}

SanConfig SanConfig::tiny() {
  SanConfig c;
  c.clip.width = 64, c.clip.layers = 4, c.clip.heads = 4, c.clip.grid = 4, c.clip.embed_dim = 32;
  c.clip.text_width = 32, c.clip.text_layers = 2, c.clip.text_heads = 2;
  c.width = 48, c.blocks = 4, c.heads = 3, c.image_size = 96, c.queries = 10;
  c.embed_channels = 32, c.mlp_channels = 40;
  c.feature_layer = 2;
  c.fusion = {{0, 0}, {2, 1}, {3, 2}};
  c.supervision = {3, 4};
  c.short_side = 96, c.long_side = 384;
  return c;
}

SanConfig SanConfig::named(std::string_view name) {
  if (name == "vit-b-16" || name == "vitb16") return vit_b_16();
  if (name == "vit-l-14-336" || name == "vitl14_336") return vit_l_14_336();
  if (name == "tiny") return tiny();
  fail("unknown network \"{}\"; known are vit-b-16, vit-l-14-336, tiny", name);
}

std::string SanConfig::to_json() const {
  json clip_object, object;
  clip_fields(clip, [&](const char* name, const auto& value) { clip_object[name] = value; });
  clip_object["activation"] = activation_name(clip.activation);
  san_fields(*this, [&](const char* name, const auto& value) { object[name] = value; });
  object["clip"] = clip_object;
  object["fusion"] = json::array();
  for (const auto& [block, layer] : fusion) object["fusion"].push_back({block, layer});
  return object.dump();
}

SanConfig SanConfig::from_json(std::string_view text, const std::string& where) {
  const json object = parse_bounded_json(text, where);
  require(object.is_object() && object.contains("clip") && object["clip"].is_object(),
          "{}: the model configuration is not a JSON object with a \"clip\" object", where);
  SanConfig c;
  read_fields(c.clip, object["clip"], where + ", clip", {"activation"},
              [](auto& config, auto&& visit) { clip_fields(config, visit); });
  const auto activation = object["clip"].find("activation");
  require(activation != object["clip"].end() && activation->is_string(),
          "{}, clip: field \"activation\" must be a string", where);
  c.clip.activation = activation_from_name(activation->get<std::string>(), where);
  read_fields(c, object, where, {"clip", "fusion"},
              [](auto& config, auto&& visit) { san_fields(config, visit); });
  require(object.contains("fusion") && object["fusion"].is_array(),
          "{}: field \"fusion\" must be a list of [block, layer]", where);
  c.fusion.clear();
  for (const json& pair : object["fusion"]) {
    require(pair.is_array() && pair.size() == 2 && pair[0].is_number_integer() && pair[1].is_number_integer(),
            "{}: field \"fusion\" must be a list of [block, layer]", where);
    c.fusion[pair[0].get<int>()] = pair[1].get<int>();
  }
  try {
    c.validate();
  } catch (const Error& e) {
    fail("{}: {}", where, e.what());
  }
  return c;
}

}  // namespace san
