#pragma once
#include <map>
#include <string>
#include <vector>

#include "tensor/parameter_source.h"

namespace san {

/// Parameters held in memory: what training hands to the writers.
class MemorySource : public ParameterSource {
 public:
  MemorySource(std::map<std::string, HostArray> arrays, std::string description)
      : arrays_(std::move(arrays)), description_(std::move(description)) {}

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return arrays_.contains(name); }
  Shape shape(const std::string& name) const override { return load(name).shape; }
  HostArray load(const std::string& name) const override;
  std::string description() const override { return description_; }

 private:
  std::map<std::string, HostArray> arrays_;
  std::string description_;
};

}  // namespace san
