#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/shape.h"

namespace san {

enum class DType : std::uint8_t { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

std::int64_t dtype_bytes(DType dtype);
/// "f32", "bf16", ...
std::string_view dtype_name(DType dtype);

float half_to_float(std::uint16_t bits);
/// Round to nearest even, overflow to infinity, as IEEE 754.
std::uint16_t float_to_half(float value);
float bfloat16_to_float(std::uint16_t bits);
std::uint16_t float_to_bfloat16(float value);

/// A typed row-major array in host memory, owned or borrowed (the built-in model). Cheap to copy.
struct HostArray {
  DType dtype = DType::kF32;
  Shape shape;
  std::shared_ptr<const std::byte> data;  ///< shares ownership of whatever holds the bytes

  std::int64_t elements() const { return shape.elements(); }
  std::int64_t bytes() const { return elements() * dtype_bytes(dtype); }

  /// Values converted to float32.
  std::vector<float> to_f32() const;
  /// Values converted to int64 (integer and bool dtypes only; throws Error otherwise).
  std::vector<std::int64_t> to_i64() const;
  /// The values without a copy; throws Error unless dtype is kF32.
  std::span<const float> f32() const;

  static HostArray from(Shape shape, std::vector<float> values);
  static HostArray from_i32(Shape shape, std::vector<std::int32_t> values);
  /// Float values converted to kF32, kF16 or kBF16.
  HostArray cast(DType to) const;
};

}  // namespace san
