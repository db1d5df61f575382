#include "nn/param_scope.h"

#include <algorithm>

#include "base/error.h"

namespace san {

Param ParamLoader::take(const std::string& name, const Shape& shape) {
  const bool trainable = trainable_ && trainable_(name);
  const bool known = std::ranges::any_of(declarations_, [&](const Declaration& d) { return d.name == name; });
  if (!known) declarations_.push_back({name, shape, trainable});
  if (!source_) return {name, {DType::kF32, shape, nullptr}, trainable};
  Param param{name, {}, trainable};
  if (std::optional<StoredRows> rows = source_->stored_rows(name)) {
    param.value = {rows->dtype, rows->shape, nullptr};
    param.read = std::move(rows->read);
  } else {
    param.value = source_->load(name);
  }
  const Shape& stored = param.value.shape;
  require(stored == shape, "{}: {} has shape {}, the configuration asks for {}", source_->description(), name,
          stored, shape);
  return param;
}

std::string ParamScope::full(std::string_view name) const {
  return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
}

ParamScope ParamScope::at(std::string_view name, int index) const {
  return at(std::string(name) + "." + std::to_string(index));
}

LinearWeight ParamScope::linear(std::int64_t in, std::int64_t out, bool convolution) const {
  const Param weight = take("weight", convolution ? Shape{out, in, 1, 1} : Shape{out, in});
  const Param bias = take("bias", {out});
  if (!backend()) return {weight.name, in, out, true, nullptr};
  return backend()->prepare_linear(weight, &bias);
}

GroupedLinearWeight ParamScope::grouped_linear(std::int64_t in, std::int64_t out, int groups,
                                               bool convolution) const {
  const Param weight = take("weight", convolution ? Shape{out, in, 1, 1} : Shape{out, in});
  const Param bias = take("bias", {out});
  if (!backend()) return {weight.name, in, out, groups, true, nullptr};
  return backend()->prepare_grouped_linear(weight, &bias, groups);
}

LinearWeight ParamScope::in_proj(std::int64_t width, std::int64_t begin, std::int64_t end) const {
  Param weight = take("in_proj_weight", {3 * width, width}), bias = take("in_proj_bias", {3 * width});
  if (!backend()) return {weight.name, width, end - begin, true, nullptr};
  if (begin != 0 || end != 3 * width)
    for (Param* p : {&weight, &bias}) p->row_begin = begin, p->row_end = end;
  return backend()->prepare_linear(weight, &bias);
}

LinearWeight ParamScope::projection(std::string_view name, std::int64_t in, std::int64_t out) const {
  const Param weight = take(name, {in, out});
  if (!backend()) return {weight.name, in, out, false, nullptr};
  return backend()->prepare_linear(weight, nullptr, LinearLayout::kInOut);
}

NormWeight ParamScope::layer_norm(std::int64_t channels, float eps) const {
  const Param weight = take("weight", {channels}), bias = take("bias", {channels});
  if (!backend()) return {weight.name, channels, eps, nullptr};
  return backend()->prepare_layer_norm(weight, bias, eps);
}

PatchWeight ParamScope::patch_embed(std::int64_t patch, std::int64_t out, bool has_bias) const {
  constexpr std::int64_t kRgb = 3;
  const Param weight = take("weight", {out, kRgb, patch, patch});
  const Param bias = has_bias ? take("bias", {out}) : Param{};
  if (!backend()) return {weight.name, patch, kRgb, out, has_bias, nullptr};
  return backend()->prepare_patch_embed(weight, has_bias ? &bias : nullptr);
}

TableWeight ParamScope::table(std::string_view name, std::int64_t rows, std::int64_t width) const {
  const Param value = take(name, {rows, width});
  if (!backend()) return {value.name, rows, width, nullptr};
  return backend()->prepare_table(value);
}

Tensor ParamScope::tensor(std::string_view name, const Shape& stored, const Shape& as) const {
  const Param value = take(name, stored);
  if (!backend()) return {as, nullptr};
  return backend()->prepare_tensor(value, as);
}

}  // namespace san
