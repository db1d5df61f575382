#pragma once
#include <map>
#include <string>
#include <vector>

#include "backend/torch/torch_headers.h"
#include "backend/types.h"
#include "tensor/parameter_source.h"

namespace san {

/// The network's parameters as float32 leaf tensors on one device, one leaf per name however many weights
/// view or slice it: what an optimiser updates in place and every later forward pass sees.
class TorchParameters : public ParameterSource {
 public:
  /// `training`: parameters marked trainable require gradients.
  TorchParameters(at::Device device, bool training) : device_(device), training_(training) {}

  /// The leaf of the whole parameter, made on first use.
  at::Tensor leaf(const Param& param);
  /// The selected rows of the leaf, differentiable.
  static at::Tensor rows(const at::Tensor& leaf, const Param& param);

  /// Throws Error when absent.
  const at::Tensor& operator[](const std::string& name) const;
  /// Names of the parameters that require gradients, sorted.
  std::vector<std::string> trainable_names() const;
  at::Device device() const { return device_; }

  // ParameterSource: the current values, copied to the host.
  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return leaves_.contains(name); }
  Shape shape(const std::string& name) const override;
  HostArray load(const std::string& name) const override;
  std::string description() const override { return "the parameters in memory"; }

 private:
  at::Device device_;
  bool training_;
  std::map<std::string, at::Tensor> leaves_;
};

Shape shape_of(const at::Tensor& t);
/// Any host array as a tensor of its own dtype family (float32, int64 or uint8), on the host.
at::Tensor tensor_of(const HostArray& array);
/// Float32, contiguous, on the host.
HostArray host_array_of(const at::Tensor& t);

}  // namespace san
