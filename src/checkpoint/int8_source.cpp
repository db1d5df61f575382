#include "checkpoint/int8_source.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <span>

#include "base/error.h"

namespace san {
namespace {

/// `count` bytes in rows, each with a scale.
void multiply(const std::byte* bytes, std::span<const float> scales, std::int64_t count, float* to) {
  const std::int64_t width = scales.empty() ? 0 : count / static_cast<std::int64_t>(scales.size());
  const auto* from = reinterpret_cast<const std::int8_t*>(bytes);
  for (const float scale : scales)
    for (std::int64_t i = 0; i < width; ++i) *to++ = scale * static_cast<float>(*from++);
}

}  // namespace

Int8Source::Int8Source(std::shared_ptr<const SafetensorsFile> file) : file_(std::move(file)) {
  const std::string where = file_->description(), suffix = kInt8ScaleSuffix;
  for (const std::string& name : file_->names()) {
    if (name.ends_with(suffix)) {
      const std::string of = name.substr(0, name.size() - suffix.size());
      require(file_->contains(of) && file_->dtype(of) == DType::kI8,
              "{}: \"{}\" are the scales of a tensor of bytes that is not there", where, name);
      continue;
    }
    names_.push_back(name);
    if (file_->dtype(name) != DType::kI8) continue;
    const Shape shape = file_->shape(name);
    require(shape.rank() >= 2, "{}: \"{}\" {} is of bytes; only matrices may be", where, name, shape);
    require(file_->contains(name + suffix), "{}: \"{}\" is of bytes and has no \"{}\"", where, name,
            name + suffix);
    require(file_->shape(name + suffix) == Shape{shape[0]} && file_->dtype(name + suffix) == DType::kF32,
            "{}: \"{}\" is {} {}; expected f32 [{}]", where, name + suffix,
            dtype_name(file_->dtype(name + suffix)), file_->shape(name + suffix), shape[0]);
    int8_.insert(name);
  }
}

bool Int8Source::contains(const std::string& name) const {
  return std::ranges::binary_search(names_, name);
}

void Int8Source::require_known(const std::string& name) const {
  require(contains(name), "{}: no parameter \"{}\"", description(), name);
}

Shape Int8Source::shape(const std::string& name) const {
  require_known(name);
  return file_->shape(name);
}

std::vector<float> Int8Source::scales(const std::string& name) const {
  constexpr float kLargest = std::numeric_limits<float>::max() / 128;
  std::vector<float> scales = file_->load(name + kInt8ScaleSuffix).to_f32();
  for (const float scale : scales)
    require(scale >= 0 && scale <= kLargest, "{}: \"{}{}\" has the value {}; expected 0 to {}", description(),
            name, kInt8ScaleSuffix, scale, kLargest);
  return scales;
}

HostArray Int8Source::load(const std::string& name) const {
  require_known(name);
  if (!int8_.contains(name)) return file_->load(name);
  const HostArray bytes = file_->load(name);
  const auto values = std::make_shared_for_overwrite<float[]>(static_cast<std::size_t>(bytes.elements()));
  multiply(bytes.data.get(), scales(name), bytes.elements(), values.get());
  return {DType::kF32, bytes.shape, {values, reinterpret_cast<const std::byte*>(values.get())}};
}

std::optional<StoredRows> Int8Source::stored_rows(const std::string& name) const {
  require_known(name);
  std::optional<StoredRows> rows = file_->stored_rows(name);
  if (!rows || !int8_.contains(name)) return rows;
  rows->dtype = DType::kF32;
  const std::int64_t width = rows->shape.elements(1, rows->shape.rank());
  rows->read = [read = std::move(rows->read), scales = scales(name), width](std::int64_t begin,
                                                                            std::int64_t end, std::byte* to) {
    const std::int64_t count = (end - begin) * width;
    const auto bytes = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(count));
    read(begin, end, bytes.get());
    multiply(
        bytes.get(),
        std::span(scales).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
        count, reinterpret_cast<float*>(to));
  };
  return rows;
}

}  // namespace san
