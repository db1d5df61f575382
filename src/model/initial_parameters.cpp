#include "model/initial_parameters.h"

#include <cmath>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/hash.h"
#include "model/san.h"

namespace san {
namespace {

/// Numbers that depend on seed, name and index alone.
class Random {
 public:
  Random(std::uint64_t seed, const std::string& name) : key_(splitmix64(seed) ^ fnv1a64(name)) {}
  double uniform() { return (static_cast<double>(splitmix64(key_ + counter_++) >> 11) + 0.5) * 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t key_, counter_ = 0;
};

class InitialSource final : public ParameterSource {
 public:
  InitialSource(const SanConfig& config, std::uint64_t seed) : seed_(seed) {
    for (const Declaration& d : declare_parameters(config))
      if (d.name.starts_with("side_adapter_network.") || d.name == "ov_classifier.bg_embed")
        shapes_[d.name] = d.shape;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, shape] : shapes_) all.push_back(name);
    return all;
  }
  bool contains(const std::string& name) const override { return shapes_.contains(name); }
  Shape shape(const std::string& name) const override {
    const auto found = shapes_.find(name);
    require(found != shapes_.end(), "{} is not a parameter of the side adapter", name);
    return found->second;
  }
  std::string description() const override { return "initial values"; }

  HostArray load(const std::string& name) const override {
    const Shape s = shape(name);
    Random random(seed_, name);
    std::vector<float> values(static_cast<std::size_t>(s.elements()));
    const auto fill = [&](auto&& next) {
      for (float& v : values) v = static_cast<float>(next());
    };
    const auto normal = [&](double deviation) { fill([&] { return deviation * random.normal(); }); };
    const auto uniform = [&](double bound) { fill([&] { return bound * (2 * random.uniform() - 1); }); };
    const bool bias = name.ends_with(".bias");
    const bool norm = s.rank() == 1 && !bias;
    const double fan_in = static_cast<double>(
        std::max<std::int64_t>(1, s.rank() > 1 ? s.elements(1, s.rank()) : fan_in_of_bias(name)));
    if (norm) {
      fill([] { return 1.0; });
    } else if (name.ends_with("_embed")) {
      normal(name == "ov_classifier.bg_embed" ? 1 / std::sqrt(static_cast<double>(s[1])) : 0.02);
    } else if (name.find(".fusion_layers.") != std::string::npos) {
      if (!bias) uniform(std::sqrt(3 / fan_in));  // Caffe2's Xavier: variance 1 / fan_in
    } else if (name.find(".vit_model.blocks.") != std::string::npos) {
      if (!bias) normal(0.02);
    } else if (bias && is_norm_bias(name)) {
      fill([] { return 0.0; });
    } else {
      uniform(1 / std::sqrt(fan_in));  // torch's linear and convolution default, weight and bias
    }
    return HostArray::from(s, std::move(values));
  }

 private:
  std::int64_t fan_in_of_bias(const std::string& name) const {
    const auto weight = shapes_.find(name.substr(0, name.size() - 4) + "weight");
    return weight == shapes_.end() || weight->second.rank() < 2
               ? 1
               : weight->second.elements(1, weight->second.rank());
  }
  bool is_norm_bias(const std::string& name) const {
    const auto weight = shapes_.find(name.substr(0, name.size() - 4) + "weight");
    return weight != shapes_.end() && weight->second.rank() == 1;
  }

  std::uint64_t seed_;
  std::map<std::string, Shape> shapes_;
};

}  // namespace

std::unique_ptr<ParameterSource> initial_adapter(const SanConfig& config, std::uint64_t seed) {
  return std::make_unique<InitialSource>(config, seed);
}

}  // namespace san
