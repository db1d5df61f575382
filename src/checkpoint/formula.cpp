#include "checkpoint/formula.h"

#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/hash.h"

namespace san {
namespace {

struct Name {
  std::string_view full, last;
  bool text, rec, decoder;
  bool ends(std::string_view tail) const { return full.ends_with(tail); }
};

double gain(const Name& name, double fan_in) {
  if (name.decoder) {
    if (name.ends("layers.1.weight")) return 2;
    if (name.ends("layers.2.weight")) return 4.0 / std::sqrt(fan_in);
    return 1;
  }
  if (name.last == "in_proj_weight" || name.ends("attn.qkv.weight")) return name.text ? 3 : 2;
  if (name.ends("attn.out_proj.weight")) {
    if (name.text) return 2;
    if (name.rec) return name.full.find(".resblocks.0.") != std::string_view::npos ? 2.5 : 0.5;
    return 0.25;
  }
  return name.ends("mlp.c_proj.weight") ? 0.25 : 1;
}

struct Values {
  std::shared_ptr<float[]> data;
  HostArray array(const Shape& shape) const {
    return {DType::kF32, shape, {data, reinterpret_cast<const std::byte*>(data.get())}};
  }
};

Values allocate(const Shape& shape) {
  return {std::make_shared_for_overwrite<float[]>(static_cast<std::size_t>(shape.elements()))};
}

HostArray class_weights(const Shape& shape) {
  const Values values = allocate(shape);
  const auto count = shape.elements();
  for (std::int64_t i = 0; i < count; ++i) values.data[i] = i + 1 < count ? 1.0f : 0.1f;
  return values.array(shape);
}

HostArray causal_mask(const Shape& shape) {
  require(shape.rank() == 2, "ov_classifier.attn_mask: expected two dimensions, got {}", shape.str());
  const Values values = allocate(shape);
  for (std::int64_t row = 0, i = 0; row < shape[0]; ++row)
    for (std::int64_t column = 0; column < shape[1]; ++column, ++i)
      values.data[i] = column <= row ? 0.0f : -std::numeric_limits<float>::infinity();
  return values.array(shape);
}

}  // namespace

FormulaRange formula_range(std::string_view full, const Shape& shape) {
  const auto dot = full.rfind('.');
  const Name name{full, dot == std::string_view::npos ? full : full.substr(dot + 1),
                  full.starts_with("ov_classifier."), full.starts_with("clip_rec_head."),
                  full.find(".mask_decoder.") != std::string_view::npos};
  if (name.last == "logit_scale") return {4.605170185988092f, 0};
  if (name.ends("bias_scaling.weight")) return {2, 0.1f};
  if (name.ends("token_embedding.weight")) return {0, 2};
  if (name.last == "positional_embedding" || name.last == "class_embedding")
    return {0, name.text ? 0.5f : 2.0f};
  if (name.last == "query_embed") return {0, 2};
  if (name.last == "query_pos_embed") return {0, 1};
  if (name.last == "pos_embed") return {0, 0.25f};
  if (name.decoder && name.ends("layers.0.bias")) return {-3, 0.05f};
  if (name.decoder && name.ends("layers.1.bias")) return {-1.5f, 0.05f};
  if (name.decoder && shape.rank() == 1) {
    const auto m = static_cast<float>(1.0 / std::sqrt(std::sqrt(static_cast<double>(shape[0]))));
    if (name.ends("query_mlp.layers.2.bias")) return {m, 0.05f};
    if (name.ends("pix_mlp.layers.2.bias")) return {-m, 0.05f};
  }
  if (name.last == "bias" || name.last == "in_proj_bias") return {0, 0.05f};
  if (shape.rank() == 1) return {1, 0.1f};
  require(shape.rank() >= 2, "formula: no rule for a scalar named {}", full);
  const bool input_first = name.last == "proj" || name.last == "text_projection";
  const auto fan_in = static_cast<double>(input_first ? shape[0] : shape.elements(1, shape.rank()));
  return {0, static_cast<float>(gain(name, fan_in) * std::sqrt(3.0 / fan_in))};
}

std::vector<float> formula_uniform(std::string_view key, std::int64_t count) {
  const std::uint64_t h = fnv1a64(key);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(splitmix64(h + i) >> 40) * 0x1p-24f;
  return out;
}

FormulaSource::FormulaSource(const std::vector<Declaration>& parameters, std::string seed,
                             std::string description)
    : seed_(std::move(seed)), description_(std::move(description)) {
  for (const Declaration& p : parameters) shapes_.emplace(p.name, p.shape);
}

std::vector<std::string> FormulaSource::names() const {
  std::vector<std::string> names;
  names.reserve(shapes_.size());
  for (const auto& [name, shape] : shapes_) names.push_back(name);
  return names;
}

Shape FormulaSource::shape(const std::string& name) const {
  const auto found = shapes_.find(name);
  require(found != shapes_.end(), "{}: no parameter \"{}\"", description_, name);
  return found->second;
}

HostArray FormulaSource::load(const std::string& name) const {
  const Shape extents = shape(name);
  if (name == "criterion.empty_weight") return class_weights(extents);
  if (name == "ov_classifier.attn_mask") return causal_mask(extents);
  const auto [m, s] = formula_range(name, extents);
  // t = (k - 2^23) / 2^23 exactly, so the division folds into s without changing a bit.
  const double offset = m, scale = static_cast<double>(s) * 0x1p-23;
  const std::uint64_t h = fnv1a64(seed_ + name);
  const Values values = allocate(extents);
  float* out = values.data.get();
  const auto count = static_cast<std::uint64_t>(extents.elements());
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto k = static_cast<std::int32_t>(splitmix64(h + i) >> 40);
    out[i] = static_cast<float>((k - (1 << 23)) * scale + offset);
  }
  return values.array(extents);
}

}  // namespace san
