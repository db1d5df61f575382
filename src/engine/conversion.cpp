#include "engine/conversion.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "checkpoint/architecture.h"
#include "checkpoint/conversion.h"
#include "checkpoint/model_file.h"
#include "checkpoint/name_maps.h"
#include "engine/int8_weights.h"
#include "engine/text_hash.h"
#include "hub/store.h"
#include "model/initial_parameters.h"
#include "model/san.h"
#include "text/bpe_merges.h"
#include "text/prompt_templates.h"

namespace san {
namespace {

using nlohmann::json;

// What shapes tell; where they do not, the released networks' choice.
SanConfig configuration(const Architecture& a) {
  SanConfig c;
  c.clip = {a.vision.width,
            static_cast<int>(a.vision.blocks),
            static_cast<int>(a.vision.heads),
            a.patch,
            a.grid,
            a.embed_dim,
            Activation::kQuickGelu,
            a.text.width,
            static_cast<int>(a.text.blocks),
            static_cast<int>(a.text.heads),
            a.context,
            a.vocabulary};
  c.feature_layer = static_cast<int>(a.feature_blocks);
  c.clip_scale = a.patch == 14 ? 0.7 : 0.5;
  std::vector<std::int64_t> fused{0, 1, 2, 3};
  if (a.side) {
    const auto& s = *a.side;
    c.width = s.tower.width;
    c.blocks = static_cast<int>(s.tower.blocks);
    c.heads = c.width % 40 == 0 ? static_cast<int>(c.width / 40) : 1;
    c.patch = s.patch;
    c.image_size = s.grid * s.patch;
    c.queries = s.queries;
    c.embed_channels = s.embed_channels;
    c.mlp_channels = s.mlp_channels;
    fused = s.fusion_blocks;
    // One bias map per head of a deep block, shared by all deep blocks or one set for each.
    const auto groups = static_cast<int>(s.bias_channels / std::max<std::int64_t>(1, s.embed_channels));
    const int deep = c.clip.layers - c.feature_layer;
    if (groups == c.clip.heads * deep)
      c.bias_layers = deep;
    else if (groups > 0)
      c.clip.heads = groups;
  }
  c.fusion.clear();
  const auto steps =
      static_cast<std::int64_t>(std::max<std::size_t>(1, fused.size() - (fused.empty() ? 0 : 1)));
  for (std::size_t i = 0; i < fused.size(); ++i)
    c.fusion[static_cast<int>(fused[i])] =
        static_cast<int>(static_cast<std::int64_t>(i) * c.feature_layer / steps);
  c.supervision = c.blocks > 1 ? std::vector<int>{c.blocks - 1, c.blocks} : std::vector<int>{1};
  c.short_side = c.image_size;
  c.long_side = 4 * c.short_side;
  return c;
}

struct Setting {
  std::string field;
  json value;
};

Setting parse_setting(const std::string& setting) {
  const auto equals = setting.find('=');
  require(equals != std::string::npos && equals > 0,
          "--set {}: expected field=value, such as heads=6 or clip.heads=12", setting);
  Setting s{setting.substr(0, equals), json::parse(setting.substr(equals + 1), nullptr, false)};
  require(!s.value.is_discarded(), "--set {}: the value is not JSON (a number, true, false, a list)",
          setting);
  return s;
}

// Where a CLIP is to be split: its blocks get their names by that, so it has to be known before their shapes.
std::optional<int> chosen_feature_layer(const std::vector<std::string>& settings) {
  std::optional<int> chosen;
  for (const std::string& setting : settings)
    if (const auto [field, value] = parse_setting(setting); field == "feature_layer") {
      require(value.is_number_integer(), "--set {}: expected a number of vision blocks", setting);
      chosen = value.get<int>();
    }
  return chosen;
}

SanConfig with_settings(const SanConfig& config, const std::vector<std::string>& settings) {
  json object = json::parse(config.to_json());
  for (const std::string& setting : settings) {
    const auto [field, value] = parse_setting(setting);
    json& owner = field.starts_with("clip.") ? object["clip"] : object;
    const std::string key = field.starts_with("clip.") ? field.substr(5) : field;
    require(owner.contains(key), "--set {}: there is no field \"{}\"; `san inspect --json` shows them",
            setting, field);
    owner[key] = value;
  }
  return SanConfig::from_json(object.dump(), "configuration after --set");
}

std::string choose_activation(const ConvertRequest& r, SourceFormat format, SourceLayout layout) {
  if (!r.activation.empty())
    return std::string(activation_name(activation_from_name(r.activation, "--activation")));
  if (layout == SourceLayout::kSan || format == SourceFormat::kTorchScript) return "quick_gelu";
  fail(
      "{}: the file does not tell its activation; add --activation quick_gelu (OpenAI's weights, in any "
      "format) or "
      "--activation gelu (most LAION open_clip weights)",
      r.input.string());
}

}  // namespace

ConvertReport convert_model(const ConvertRequest& r) {
  return convert_model(r, open_model_source(model_file_of(r.input)));
}

ConvertReport convert_model(const ConvertRequest& r, const ModelSource& source) {
  ConvertReport report;
  ModelMetadata metadata;
  std::shared_ptr<const ParameterSource> parameters;
  if (source.metadata) {
    report.layout = "a model of this program";
    require(!r.int8 || source.int8.empty(),
            "{}: its weights are int8 already; give the model that it was made of", r.input.string());
    metadata = *source.metadata;
    require(metadata.architecture == "san",
            "{}: only SAN models can be converted, and its architecture is \"{}\"", r.input.string(),
            metadata.architecture);
    parameters = source.parameters;
    report.config = with_settings(SanConfig::from_json(metadata.config, r.input.string()), r.set);
  } else {
    const SanSource san = to_san_names(source.parameters, chosen_feature_layer(r.set));
    report.layout = fmt::format("{} ({})", layout_name(san.layout), format_name(source.format));
    report.dropped = san.dropped;
    parameters = san.parameters;
    SanConfig config = configuration(infer_architecture(*parameters));
    metadata.activation = choose_activation(r, source.format, san.layout);
    config.clip.activation = activation_from_name(metadata.activation, "activation");
    report.config = with_settings(config, r.set);
    report.untrained_adapter = san.layout != SourceLayout::kSan;
    if (report.untrained_adapter) parameters = with_initial_adapter(parameters, report.config, 0);
    require(!r.bpe.empty(),
            "{}: checkpoints do not carry their tokenizer; add --bpe with CLIP's "
            "bpe_simple_vocab_16e6.txt.gz, a merges.txt or a tokenizer.json",
            r.input.string());
    metadata.templates = load_templates(r.templates).texts;
  }
  const std::vector<Declaration> declarations = declare_parameters(report.config);
  require_same_parameters(declarations, *parameters);
  metadata.config = report.config.to_json();
  metadata.activation = activation_name(report.config.clip.activation);
  if (!r.bpe.empty()) {
    BpeMerges merges = load_bpe_merges(r.bpe);
    metadata.merges = format_bpe_merges(merges);
    try {
      (void)BpeTokenizer(std::move(merges));
    } catch (const Error& error) {
      fail("{}: {}", r.bpe.string(), error.what());
    }
  }
  if (!r.title.empty()) metadata.extra["title"] = r.title;
  if (!metadata.extra.contains("title"))
    metadata.extra["title"] = report.untrained_adapter
                                  ? "CLIP with an untrained side adapter, from " + r.input.filename().string()
                                  : "converted from " + r.input.filename().string();
  if (report.untrained_adapter) metadata.extra["adapter"] = "untrained";
  if (!r.license.empty()) metadata.license = r.license;
  const TextTower tower =
      find_architecture(metadata.architecture, r.input.string()).text({metadata.config, r.input.string()});
  std::string hash = hash_text_tower(metadata.config, tower, *parameters);
  const std::set<std::string> int8 = r.int8 ? int8_parameters(declarations, r.kept) : std::set<std::string>();
  // A rounded text tower embeds words a little differently.
  if (r.int8) hash = Sha256().update("int8 " + hash).update(fmt::format("{}", fmt::join(int8, " "))).hex();
  metadata.extra[kTextHashKey] = hash;
  write_model_file(r.output, *parameters, metadata, r.dtype, int8);
  return report;
}

}  // namespace san
