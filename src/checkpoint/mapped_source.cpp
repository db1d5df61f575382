#include "checkpoint/mapped_source.h"

#include <cstring>

#include "base/error.h"

namespace san {
namespace {

HostArray allocate(DType dtype, const Shape& shape, std::byte*& data) {
  HostArray array{dtype, shape, nullptr};
  auto bytes = std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(array.bytes()));
  data = bytes.get();
  array.data = {bytes, bytes.get()};
  return array;
}

HostArray transposed(const HostArray& in) {
  std::byte* out = nullptr;
  HostArray array = allocate(in.dtype, {in.shape[1], in.shape[0]}, out);
  const auto item = static_cast<std::size_t>(dtype_bytes(in.dtype));
  const auto rows = static_cast<std::size_t>(in.shape[0]), columns = static_cast<std::size_t>(in.shape[1]);
  for (std::size_t column = 0; column < columns; ++column)
    for (std::size_t row = 0; row < rows; ++row, out += item)
      std::memcpy(out, in.data.get() + (row * columns + column) * item, item);
  return array;
}

HostArray stacked(const std::vector<HostArray>& parts, const Shape& shape) {
  DType dtype = parts.front().dtype;
  for (const auto& part : parts)
    if (part.dtype != dtype) dtype = DType::kF32;
  std::byte* out = nullptr;
  HostArray array = allocate(dtype, shape, out);
  for (const auto& part : parts) {
    const HostArray same = part.cast(dtype);
    const auto bytes = static_cast<std::size_t>(same.bytes());
    if (bytes > 0) std::memcpy(out, same.data.get(), bytes);
    out += bytes;
  }
  return array;
}

Shape combined_shape(const ParameterSource& source, const std::string& name, const ParameterRecipe& recipe) {
  require(!recipe.inputs.empty(), "{}: \"{}\" is made of nothing", source.description(), name);
  Shape shape = source.shape(recipe.inputs.front());
  if (recipe.transpose) {
    require(shape.rank() == 2 && recipe.inputs.size() == 1, "{}: \"{}\" {} should be a matrix",
            source.description(), recipe.inputs.front(), shape.str());
    return {shape[1], shape[0]};
  }
  if (recipe.scalar) {
    require(shape.elements() == 1, "{}: \"{}\" {} should be one number", source.description(),
            recipe.inputs.front(), shape.str());
    return {};
  }
  for (std::size_t i = 1; i < recipe.inputs.size(); ++i) {
    const Shape next = source.shape(recipe.inputs[i]);
    require(shape.rank() >= 1 && next.rank() == shape.rank() &&
                next.elements(1, next.rank()) == shape.elements(1, shape.rank()),
            "{}: \"{}\" {} and \"{}\" {} do not stack", source.description(), recipe.inputs.front(),
            shape.str(), recipe.inputs[i], next.str());
    shape.set(0, shape[0] + next[0]);
  }
  return shape;
}

}  // namespace

MappedSource::MappedSource(std::shared_ptr<const ParameterSource> source,
                           std::map<std::string, ParameterRecipe> recipes)
    : source_(std::move(source)), recipes_(std::move(recipes)) {
  for (const auto& [name, recipe] : recipes_) shapes_.emplace(name, combined_shape(*source_, name, recipe));
}

std::vector<std::string> MappedSource::names() const {
  std::vector<std::string> names;
  names.reserve(recipes_.size());
  for (const auto& [name, recipe] : recipes_) names.push_back(name);
  return names;
}

const ParameterRecipe& MappedSource::recipe(const std::string& name) const {
  const auto found = recipes_.find(name);
  require(found != recipes_.end(), "{}: no parameter \"{}\"", description(), name);
  return found->second;
}

Shape MappedSource::shape(const std::string& name) const {
  recipe(name);
  return shapes_.at(name);
}

HostArray MappedSource::load(const std::string& name) const {
  const ParameterRecipe& r = recipe(name);
  if (r.inputs.size() == 1) {
    HostArray array = source_->load(r.inputs.front());
    if (r.transpose) return transposed(array);
    array.shape = shapes_.at(name);
    return array;
  }
  std::vector<HostArray> parts;
  for (const auto& input : r.inputs) parts.push_back(source_->load(input));
  return stacked(parts, shapes_.at(name));
}

}  // namespace san
