#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "tensor/parameter_source.h"

namespace san {

/// Parameters before training, each a pure function of seed and name, the same on every machine: CLIP's as in
/// its paper's code (width-scaled normals), the side adapter's as in SAN's (timm's ViT, Caffe2's Xavier in
/// the fusion layers, torch's defaults in the heads).
class InitialParameters : public ParameterSource {
 public:
  InitialParameters(const SanConfig& config, std::uint64_t seed);

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return shapes_.contains(name); }
  Shape shape(const std::string& name) const override;
  HostArray load(const std::string& name) const override;
  std::string description() const override { return "initial values"; }

 private:
  SanConfig config_;
  std::uint64_t seed_;
  std::map<std::string, Shape> shapes_;
};

/// Whether a parameter belongs to the side adapter or the background embedding: what SAN adds to CLIP.
bool is_adapter_parameter(const std::string& name);

/// All that `clip` has of CLIP, with an untrained adapter in place of its own, if it has one.
std::shared_ptr<const ParameterSource> with_initial_adapter(std::shared_ptr<const ParameterSource> clip,
                                                            const SanConfig& config, std::uint64_t seed);

}  // namespace san
