#pragma once
#include <functional>
#include <map>
#include <memory>

#include "model/config.h"
#include "tensor/parameter_source.h"

namespace san {

/// Weights before training, each a pure function of seed and name: CLIP's as in its paper's code
/// (width-scaled normals), the side adapter's as in SAN's (truncated normals, Xavier fusion, uniform heads).
class InitialWeights : public ParameterSource {
 public:
  InitialWeights(const SanConfig& config, std::uint64_t seed);

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return shapes_.contains(name); }
  Shape shape(const std::string& name) const override;
  HostArray load(const std::string& name) const override;
  std::string description() const override { return "initial weights"; }

 private:
  SanConfig config_;
  std::uint64_t seed_;
  std::map<std::string, Shape> shapes_;
};

/// The parameters of `first` and, for names that `takes_first` refuses, those of `second`.
class SplicedSource : public ParameterSource {
 public:
  SplicedSource(std::shared_ptr<const ParameterSource> first, std::shared_ptr<const ParameterSource> second,
                std::function<bool(const std::string&)> takes_first)
      : first_(std::move(first)), second_(std::move(second)), takes_first_(std::move(takes_first)) {}

  std::vector<std::string> names() const override { return second_->names(); }
  bool contains(const std::string& name) const override { return of(name).contains(name); }
  Shape shape(const std::string& name) const override { return of(name).shape(name); }
  HostArray load(const std::string& name) const override { return of(name).load(name); }
  std::string description() const override { return first_->description(); }

 private:
  const ParameterSource& of(const std::string& name) const { return takes_first_(name) ? *first_ : *second_; }

  std::shared_ptr<const ParameterSource> first_, second_;
  std::function<bool(const std::string&)> takes_first_;
};

/// Whether a parameter belongs to the side adapter or the background embedding: what SAN adds to CLIP.
bool is_adapter_parameter(const std::string& name);

}  // namespace san
