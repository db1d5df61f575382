#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/parameter_source.h"

namespace san {

/// Deterministic weights: every value follows from a seed, the parameter's official name, its shape and its
/// index, so that implementations can be compared without sharing a file. With u = splitmix64(fnv1a64(seed +
/// name) + index), the value is m + s * t, where t is the upper 24 bits of u mapped to [-1, 1). (m, s) keep
/// activations and masks of the network non-degenerate; formula_range() is the table of them.

/// Offset and half range of a parameter's values.
struct FormulaRange {
  float m = 0, s = 0;
};

/// The range by name and shape (the name without the seed).
FormulaRange formula_range(std::string_view name, const Shape& shape);

/// Uniform numbers in [0, 1) with 24 random bits each, for the key's elements 0 … count-1.
std::vector<float> formula_uniform(std::string_view key, std::int64_t count);

/// Weights by the formula. The buffers `criterion.empty_weight` (ones, last 0.1) and
/// `ov_classifier.attn_mask` (causal: 0 on and below the diagonal, -inf above) have their fixed values.
class FormulaSource : public ParameterSource {
 public:
  FormulaSource(const std::vector<Declaration>& parameters, std::string seed, std::string description);

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return shapes_.contains(name); }
  Shape shape(const std::string& name) const override;
  /// Computed anew at every call, about 1 ns per value.
  HostArray load(const std::string& name) const override;
  std::string description() const override { return description_; }

 private:
  std::map<std::string, Shape> shapes_;
  std::string seed_, description_;
};

}  // namespace san
