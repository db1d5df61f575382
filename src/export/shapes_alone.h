#pragma once
#include "tensor/parameter_source.h"

namespace san {

/// Parameters without values, for recordings that are thrown away.
class ShapesAlone final : public ParameterSource {
 public:
  explicit ShapesAlone(const ParameterSource& of) : of_(of) {}
  std::vector<std::string> names() const override { return of_.names(); }
  bool contains(const std::string& name) const override { return of_.contains(name); }
  Shape shape(const std::string& name) const override { return of_.shape(name); }
  HostArray load(const std::string& name) const override { return {DType::kF32, of_.shape(name), nullptr}; }
  std::string description() const override { return of_.description(); }

 private:
  const ParameterSource& of_;
};

}  // namespace san
