#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "tensor/parameter_source.h"

namespace san {

/// Which parameters an optimiser may change, by name; empty: none.
using TrainableRule = std::function<bool(std::string_view name)>;

/// One pass over a network's parameters. With a backend and a source it prepares weights; without, it only
/// lists declarations.
class ParamLoader {
 public:
  explicit ParamLoader(TrainableRule trainable = {}) : trainable_(std::move(trainable)) {}
  ParamLoader(Backend& backend, const ParameterSource& source, TrainableRule trainable = {})
      : backend_(&backend), source_(&source), trainable_(std::move(trainable)) {}

  const std::vector<Declaration>& declarations() const { return declarations_; }

 private:
  friend class ParamScope;
  /// The parameter's values, after its shape has been checked; empty when only declaring.
  Param take(const std::string& name, const Shape& shape);

  Backend* backend_ = nullptr;
  const ParameterSource* source_ = nullptr;
  TrainableRule trainable_;
  std::vector<Declaration> declarations_;
};

/// A place in the parameter tree: names are relative to its prefix.
class ParamScope {
 public:
  explicit ParamScope(ParamLoader& loader, std::string prefix = {})
      : loader_(&loader), prefix_(std::move(prefix)) {}
  ParamScope at(std::string_view name) const { return ParamScope(*loader_, full(name)); }
  ParamScope at(std::string_view name, int index) const;

  /// `weight` [out, in] (or [out, in, 1, 1] with `convolution`) and `bias` [out].
  LinearWeight linear(std::int64_t in, std::int64_t out, bool convolution = false) const;
  /// The same, prepared for attention_bias.
  GroupedLinearWeight grouped_linear(std::int64_t in, std::int64_t out, int groups,
                                     bool convolution = false) const;
  /// Rows [begin, end) of a fused in_proj_weight [3d, d] with its bias (torch's MultiheadAttention names).
  LinearWeight in_proj(std::int64_t width, std::int64_t begin, std::int64_t end) const;
  /// A bare matrix [in, out] used as x · W.
  LinearWeight projection(std::string_view name, std::int64_t in, std::int64_t out) const;
  NormWeight layer_norm(std::int64_t channels, float eps) const;
  PatchWeight patch_embed(std::int64_t patch, std::int64_t out, bool bias) const;
  TableWeight table(std::string_view name, std::int64_t rows, std::int64_t width) const;
  /// A parameter of shape `stored`, used as an operand of shape `as`.
  Tensor tensor(std::string_view name, const Shape& stored, const Shape& as) const;

 private:
  std::string full(std::string_view name) const;
  Param take(std::string_view name, const Shape& shape) const { return loader_->take(full(name), shape); }
  Backend* backend() const { return loader_->backend_; }

  ParamLoader* loader_;
  std::string prefix_;
};

}  // namespace san
