#include "train/initial_weights.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/hash.h"
#include "model/san.h"

namespace san {
namespace {

/// How a parameter is drawn: normal (cut at two deviations if `cut`) or uniform in ±scale, or constant
/// `mean`.
struct Draw {
  enum Kind : std::uint8_t { kConstant, kNormal, kUniform } kind = kConstant;
  double mean = 0, scale = 0;
  bool cut = false;
};

bool has(const std::string& name, std::string_view part) {
  return name.find(part) != std::string::npos;
}

double root(std::int64_t n) {
  return std::sqrt(static_cast<double>(n));
}

// CLIP's towers (Radford et al. 2021, initialize_parameters).
Draw clip_draw(const std::string& name, const Shape& shape, const ClipConfig& c) {
  const bool text = name.starts_with("ov_classifier.");
  const std::int64_t width = text ? c.text_width : c.width;
  const double residual = 1 / std::sqrt(2.0 * (text ? c.text_layers : c.layers));
  if (name == "ov_classifier.logit_scale") return {Draw::kConstant, std::log(1 / 0.07), 0, false};
  if (name.ends_with("token_embedding.weight")) return {Draw::kNormal, 0, 0.02, false};
  if (name.ends_with("positional_embedding")) return {Draw::kNormal, 0, text ? 0.01 : 1 / root(width), false};
  if (name.ends_with("class_embedding")) return {Draw::kNormal, 0, 1 / root(width), false};
  if (name.ends_with("conv1.weight"))
    return {Draw::kNormal, 0, 1 / root(shape.elements(1, shape.rank())), false};
  if (has(name, "ln_")) return {Draw::kConstant, name.ends_with("weight") ? 1.0 : 0.0, 0, false};
  if (name.ends_with("bias")) return {};
  if (name.ends_with("out_proj.weight") || name.ends_with("c_proj.weight"))
    return {Draw::kNormal, 0, residual / root(width), false};
  if (name.ends_with("c_fc.weight")) return {Draw::kNormal, 0, 1 / root(2 * width), false};
  return {Draw::kNormal, 0, 1 / root(width), false};  // in_proj, proj, text_projection
}

// The side adapter (DATASETS of the official recipe: timm's ViT, detectron2's Xavier, torch's defaults).
Draw adapter_draw(const std::string& name, const Shape& shape, std::int64_t fan_in) {
  if (name.ends_with("bg_embed")) return {Draw::kNormal, 0, 1 / root(shape[-1]), false};
  if (name.ends_with("query_embed") || name.ends_with("query_pos_embed"))
    return {Draw::kNormal, 0, 0.02, false};
  if (name.ends_with("pos_embed")) return {Draw::kNormal, 0, 0.02, true};
  if (has(name, "input_proj.0") || has(name, ".norm"))
    return {Draw::kConstant, name.ends_with("weight") ? 1.0 : 0.0, 0, false};
  if (has(name, "input_proj.1"))
    return name.ends_with("bias") ? Draw{} : Draw{Draw::kUniform, 0, std::sqrt(3.0) / root(fan_in), false};
  if (has(name, "mask_decoder") || has(name, "patch_embed"))
    return {Draw::kUniform, 0, 1 / root(fan_in), false};
  if (name.ends_with("bias")) return {};
  return {Draw::kNormal, 0, 0.02, true};
}

}  // namespace

bool is_adapter_parameter(const std::string& name) {
  return name.starts_with("side_adapter_network.") || name == "ov_classifier.bg_embed";
}

InitialWeights::InitialWeights(const SanConfig& config, std::uint64_t seed) : config_(config), seed_(seed) {
  for (const Declaration& d : declare_parameters(config)) shapes_.emplace(d.name, d.shape);
}

std::vector<std::string> InitialWeights::names() const {
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes_) names.push_back(name);
  return names;
}

Shape InitialWeights::shape(const std::string& name) const {
  const auto found = shapes_.find(name);
  require(found != shapes_.end(), "the network has no parameter '{}'", name);
  return found->second;
}

HostArray InitialWeights::load(const std::string& name) const {
  const Shape s = shape(name);
  // A bias is drawn as wide as its weight.
  std::string weight = name;
  if (name.ends_with(".bias")) weight.replace(weight.size() - 4, 4, "weight");
  const auto w = shapes_.find(weight);
  const Shape fan = w != shapes_.end() && w->second.rank() >= 2 ? w->second : s;
  const std::int64_t fan_in = fan.rank() >= 2 ? fan.elements(1, fan.rank()) : 1;
  const Draw draw =
      is_adapter_parameter(name) ? adapter_draw(name, s, fan_in) : clip_draw(name, s, config_.clip);

  std::vector<float> values(static_cast<std::size_t>(s.elements()), static_cast<float>(draw.mean));
  if (draw.kind == Draw::kConstant) return HostArray::from(s, std::move(values));
  std::uint64_t counter = splitmix64(splitmix64(seed_) ^ fnv1a64(name));
  const auto uniform = [&] { return (static_cast<double>(splitmix64(counter++) >> 11) + 0.5) * 0x1p-53; };
  for (float& value : values) {
    double x = 2 * uniform() - 1;
    if (draw.kind == Draw::kNormal) do {
        x = std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
      } while (draw.cut && std::abs(x) > 2);
    value = static_cast<float>(draw.mean + draw.scale * x);
  }
  return HostArray::from(s, std::move(values));
}

}  // namespace san
