#include "tensor/host_array.h"

#include <bit>
#include <cstring>

#include "base/error.h"

namespace san {
namespace {

template <class T>
HostArray own(DType dtype, const Shape& shape, std::vector<T> values) {
  require(static_cast<std::int64_t>(values.size()) == shape.elements(), "array of shape {}: got {} values",
          shape, values.size());
  auto holder = std::make_shared<std::vector<T>>(std::move(values));
  return {dtype, shape, {holder, reinterpret_cast<const std::byte*>(holder->data())}};
}

// memcpy because bytes inside a checkpoint need not be aligned.
template <class Source, class Target, class Convert>
void convert(const std::byte* data, std::vector<Target>& out, Convert f) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Source value;
    std::memcpy(&value, data + i * sizeof value, sizeof value);
    out[i] = static_cast<Target>(f(value));  // NOLINT(bugprone-signed-char-misuse): int8 is a number here
  }
}

template <class Target>
void convert_any(const HostArray& a, std::vector<Target>& out) {
  const auto same = [](auto v) { return v; };
  const std::byte* d = a.data.get();
  switch (a.dtype) {
    case DType::kF64:
      return convert<double>(d, out, same);
    case DType::kF32:
      return convert<float>(d, out, same);
    case DType::kF16:
      return convert<std::uint16_t>(d, out, half_to_float);
    case DType::kBF16:
      return convert<std::uint16_t>(d, out, bfloat16_to_float);
    case DType::kI64:
      return convert<std::int64_t>(d, out, same);
    case DType::kI32:
      return convert<std::int32_t>(d, out, same);
    case DType::kI16:
      return convert<std::int16_t>(d, out, same);
    case DType::kI8:
      return convert<std::int8_t>(d, out, same);
    case DType::kU8:
      return convert<std::uint8_t>(d, out, same);
    case DType::kBool:
      return convert<std::uint8_t>(d, out, [](std::uint8_t v) { return v != 0; });
  }
}

}  // namespace

std::int64_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16:
      return 2;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

std::string_view dtype_name(DType dtype) {
  constexpr std::string_view names[] = {"f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "bool"};
  return names[static_cast<std::size_t>(dtype)];
}

float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31u, fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) {
    const float subnormal = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -subnormal : subnormal;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
  if (magnitude < 0x38800000u) {
    // Adding 0.5 lines the half's last subnormal bit up with the float's last bit, rounding to even on the
    // way.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

float bfloat16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

std::vector<float> HostArray::to_f32() const {
  std::vector<float> out(static_cast<std::size_t>(elements()));
  if (dtype == DType::kF32 && !out.empty())
    std::memcpy(out.data(), data.get(), out.size() * sizeof(float));
  else
    convert_any(*this, out);
  return out;
}

std::vector<std::int64_t> HostArray::to_i64() const {
  require(dtype >= DType::kI64, "expected an integer array, got {}", dtype_name(dtype));
  std::vector<std::int64_t> out(static_cast<std::size_t>(elements()));
  convert_any(*this, out);
  return out;
}

std::span<const float> HostArray::f32() const {
  require(dtype == DType::kF32, "expected a float32 array, got {}", dtype_name(dtype));
  return {reinterpret_cast<const float*>(data.get()), static_cast<std::size_t>(elements())};
}

HostArray HostArray::from(Shape shape, std::vector<float> values) {
  return own(DType::kF32, shape, std::move(values));
}

HostArray HostArray::from_i32(Shape shape, std::vector<std::int32_t> values) {
  return own(DType::kI32, shape, std::move(values));
}

HostArray HostArray::cast(DType to) const {
  if (to == dtype) return *this;
  std::vector<float> values = to_f32();
  if (to == DType::kF32) return from(shape, std::move(values));
  require(to == DType::kF16 || to == DType::kBF16, "cannot convert {} to {}", dtype_name(dtype),
          dtype_name(to));
  std::vector<std::uint16_t> out(values.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = to == DType::kF16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
  return own(to, shape, std::move(out));
}

}  // namespace san
