#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/parameter_source.h"

namespace san {

/// How a parameter is made of another source's: one of them, or several stacked along the first axis.
struct ParameterRecipe {
  std::vector<std::string> inputs;
  bool transpose = false;  ///< of a single two-dimensional input
  bool scalar = false;     ///< of a single input of one value: its dimensions are dropped
};

/// Another source under other names. Single inputs are passed through without a copy.
class MappedSource : public ParameterSource {
 public:
  /// Throws Error when inputs are absent or cannot be combined.
  MappedSource(std::shared_ptr<const ParameterSource> source, std::map<std::string, ParameterRecipe> recipes);

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return recipes_.contains(name); }
  Shape shape(const std::string& name) const override;
  HostArray load(const std::string& name) const override;
  std::string description() const override { return source_->description(); }

 private:
  const ParameterRecipe& recipe(const std::string& name) const;

  std::shared_ptr<const ParameterSource> source_;
  std::map<std::string, ParameterRecipe> recipes_;
  std::map<std::string, Shape> shapes_;
};

}  // namespace san
