#include "model/initial_parameters.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/hash.h"
#include "model/san.h"

namespace san {
namespace {

/// How values are drawn: all `scale`, or normal of that deviation, or uniform in ±scale.
struct Draw {
  enum Kind : std::uint8_t { kConstant, kNormal, kUniform } kind = kConstant;
  double scale = 0;
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
  if (name == "ov_classifier.logit_scale") return {Draw::kConstant, std::log(1 / 0.07)};
  if (name.ends_with("token_embedding.weight")) return {Draw::kNormal, 0.02};
  if (name.ends_with("positional_embedding")) return {Draw::kNormal, text ? 0.01 : 1 / root(width)};
  if (name.ends_with("class_embedding")) return {Draw::kNormal, 1 / root(width)};
  if (name.ends_with("conv1.weight")) return {Draw::kNormal, 1 / root(shape.elements(1, shape.rank()))};
  if (has(name, "ln_")) return {Draw::kConstant, name.ends_with("weight") ? 1.0 : 0.0};
  if (name.ends_with("bias")) return {};
  if (name.ends_with("out_proj.weight") || name.ends_with("c_proj.weight"))
    return {Draw::kNormal, residual / root(width)};
  if (name.ends_with("c_fc.weight")) return {Draw::kNormal, 1 / root(2 * width)};
  return {Draw::kNormal, 1 / root(width)};  // in_proj, proj, text_projection
}

// The side adapter. timm cuts its normals at ±2, a hundred deviations: not at all.
Draw adapter_draw(const std::string& name, const Shape& shape, std::int64_t fan_in) {
  if (name.ends_with("bg_embed")) return {Draw::kNormal, 1 / root(shape[-1])};
  if (name.ends_with("_embed")) return {Draw::kNormal, 0.02};
  if (has(name, "input_proj.0") || has(name, ".norm"))
    return {Draw::kConstant, name.ends_with("weight") ? 1.0 : 0.0};
  if (has(name, "input_proj.1"))
    return name.ends_with("bias") ? Draw{} : Draw{Draw::kUniform, std::sqrt(3.0) / root(fan_in)};
  if (has(name, "mask_decoder") || has(name, "patch_embed")) return {Draw::kUniform, 1 / root(fan_in)};
  if (name.ends_with("bias")) return {};
  return {Draw::kNormal, 0.02};
}

class FreshAdapter final : public ParameterSource {
 public:
  FreshAdapter(std::shared_ptr<const ParameterSource> clip, const SanConfig& config, std::uint64_t seed)
      : clip_(std::move(clip)), initial_(config, seed) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const std::string& name : clip_->names())
      if (!is_adapter_parameter(name)) all.push_back(name);
    for (const std::string& name : initial_.names())
      if (is_adapter_parameter(name)) all.push_back(name);
    std::ranges::sort(all);
    return all;
  }
  bool contains(const std::string& name) const override { return of(name).contains(name); }
  Shape shape(const std::string& name) const override { return of(name).shape(name); }
  HostArray load(const std::string& name) const override { return of(name).load(name); }
  std::string description() const override { return clip_->description(); }

 private:
  const ParameterSource& of(const std::string& name) const {
    if (is_adapter_parameter(name)) return initial_;
    return *clip_;
  }

  std::shared_ptr<const ParameterSource> clip_;
  InitialParameters initial_;
};

}  // namespace

InitialParameters::InitialParameters(const SanConfig& config, std::uint64_t seed)
    : config_(config), seed_(seed) {
  for (const Declaration& d : declare_parameters(config)) shapes_.emplace(d.name, d.shape);
}

std::vector<std::string> InitialParameters::names() const {
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes_) names.push_back(name);
  return names;
}

Shape InitialParameters::shape(const std::string& name) const {
  const auto found = shapes_.find(name);
  require(found != shapes_.end(), "the network has no parameter '{}'", name);
  return found->second;
}

HostArray InitialParameters::load(const std::string& name) const {
  const Shape s = shape(name);
  // A bias is drawn as wide as its weight.
  std::string weight = name;
  if (name.ends_with(".bias")) weight.replace(weight.size() - 4, 4, "weight");
  const auto w = shapes_.find(weight);
  const Shape fan = w != shapes_.end() && w->second.rank() >= 2 ? w->second : s;
  const std::int64_t fan_in = fan.rank() >= 2 ? fan.elements(1, fan.rank()) : 1;
  const Draw draw =
      is_adapter_parameter(name) ? adapter_draw(name, s, fan_in) : clip_draw(name, s, config_.clip);

  std::uint64_t counter = splitmix64(splitmix64(seed_) ^ fnv1a64(name));
  const auto uniform = [&] { return (static_cast<double>(splitmix64(counter++) >> 11) + 0.5) * 0x1p-53; };
  const auto value = [&] {
    if (draw.kind == Draw::kConstant) return draw.scale;
    const double x = uniform();
    if (draw.kind == Draw::kUniform) return draw.scale * (2 * x - 1);
    return draw.scale * std::sqrt(-2 * std::log(x)) * std::cos(2 * std::numbers::pi * uniform());
  };
  std::vector<float> values(static_cast<std::size_t>(s.elements()));
  for (float& v : values) v = static_cast<float>(value());
  return HostArray::from(s, std::move(values));
}

bool is_adapter_parameter(const std::string& name) {
  return name.starts_with("side_adapter_network.") || name == "ov_classifier.bg_embed";
}

std::shared_ptr<const ParameterSource> with_initial_adapter(std::shared_ptr<const ParameterSource> clip,
                                                            const SanConfig& config, std::uint64_t seed) {
  return std::make_shared<FreshAdapter>(std::move(clip), config, seed);
}

}  // namespace san
