#include "backend/torch/torch_parameters.h"

#include <cstring>

#include "base/error.h"

namespace san {

Shape shape_of(const at::Tensor& t) {
  return Shape(std::span<const std::int64_t>(t.sizes().data(), t.sizes().size()));
}

at::Tensor tensor_of(const HostArray& array) {
  const at::IntArrayRef sizes(array.shape.begin(), array.shape.end());
  switch (array.dtype) {
    case DType::kF64:
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16: {
      const std::vector<float> values = array.to_f32();
      return at::from_blob(const_cast<float*>(values.data()), sizes, at::kFloat).clone();
    }
    case DType::kU8:
    case DType::kBool:
      return at::from_blob(const_cast<std::byte*>(array.data.get()), sizes, at::kByte).clone();
    default: {
      const std::vector<std::int64_t> values = array.to_i64();
      return at::from_blob(const_cast<std::int64_t*>(values.data()), sizes, at::kLong).clone();
    }
  }
}

HostArray host_array_of(const at::Tensor& t) {
  const at::Tensor host = t.detach().to(at::kCPU, at::kFloat).contiguous();
  std::vector<float> values(static_cast<std::size_t>(host.numel()));
  if (!values.empty()) std::memcpy(values.data(), host.data_ptr<float>(), values.size() * sizeof(float));
  return HostArray::from(shape_of(t), std::move(values));
}

at::Tensor TorchParameters::leaf(const Param& param) {
  if (const auto found = leaves_.find(param.name); found != leaves_.end()) {
    require(shape_of(found->second) == param.value.shape, "{}: prepared as {} and again as {}", param.name,
            shape_of(found->second), param.value.shape);
    return found->second;
  }
  Param all = param;
  all.row_begin = 0, all.row_end = -1;
  at::Tensor value = tensor_of(all.stored()).to(device_, at::kFloat);
  value.requires_grad_(training_ && param.trainable);
  leaves_.emplace(param.name, value);
  return value;
}

at::Tensor TorchParameters::rows(const at::Tensor& leaf, const Param& param) {
  if (param.whole()) return leaf;
  return leaf.slice(0, param.row_begin, param.row_end < 0 ? leaf.size(0) : param.row_end);
}

const at::Tensor& TorchParameters::operator[](const std::string& name) const {
  const auto found = leaves_.find(name);
  require(found != leaves_.end(), "no parameter named '{}'", name);
  return found->second;
}

std::vector<std::string> TorchParameters::trainable_names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : leaves_)
    if (value.requires_grad()) names.push_back(name);
  return names;
}

std::vector<std::string> TorchParameters::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : leaves_) names.push_back(name);
  return names;
}

Shape TorchParameters::shape(const std::string& name) const {
  return shape_of((*this)[name]);
}

HostArray TorchParameters::load(const std::string& name) const {
  return host_array_of((*this)[name]);
}

}  // namespace san
