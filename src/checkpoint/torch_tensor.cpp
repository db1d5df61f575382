#include "checkpoint/torch_tensor.h"

#include <array>
#include <cstring>

#include "base/error.h"
#include "base/reader_limit.h"

namespace san {
namespace {

// An expanded view may be larger than its storage, but only up to here.
constexpr std::int64_t kMaxExpandedBytes = std::int64_t{64} << 20;

struct TorchType {
  std::string_view name, storage;
  DType dtype;
};
constexpr std::array<TorchType, 10> kTypes = {{{"float64", "DoubleStorage", DType::kF64},
                                               {"float32", "FloatStorage", DType::kF32},
                                               {"float16", "HalfStorage", DType::kF16},
                                               {"bfloat16", "BFloat16Storage", DType::kBF16},
                                               {"int64", "LongStorage", DType::kI64},
                                               {"int32", "IntStorage", DType::kI32},
                                               {"int16", "ShortStorage", DType::kI16},
                                               {"int8", "CharStorage", DType::kI8},
                                               {"uint8", "ByteStorage", DType::kU8},
                                               {"bool", "BoolStorage", DType::kBool}}};

std::string_view after_last_dot(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

bool is_untyped(std::string_view storage_type) {
  const auto name = after_last_dot(storage_type);
  return name == "UntypedStorage" || name == "_UntypedStorage";
}

DType dtype_of(const PickledTensor& tensor, const PickledStorage& storage, const std::string& where) {
  if (tensor.dtype.empty()) {
    const auto dtype = dtype_of_storage(storage.type);
    require(dtype.has_value(), "{}: values of type {} are not supported", where, storage.type);
    return *dtype;
  }
  for (const auto& type : kTypes)
    if (after_last_dot(tensor.dtype) == type.name) return type.dtype;
  fail("{}: values of type {} are not supported", where, tensor.dtype);
}

bool is_row_major(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t axis = tensor.size.size(); axis-- > 0;) {
    if (tensor.size[axis] != 1 && tensor.stride[axis] != expected) return false;
    expected *= tensor.size[axis];
  }
  return true;
}

// Index of the last element the view touches, plus one.
std::int64_t extent(const PickledTensor& tensor, const std::string& where) {
  std::int64_t last = tensor.offset, step = 0;
  bool ok = tensor.offset >= 0;
  for (std::size_t axis = 0; axis < tensor.size.size(); ++axis)
    ok = ok && tensor.stride[axis] >= 0 &&
         !__builtin_mul_overflow(tensor.size[axis] - 1, tensor.stride[axis], &step) &&
         !__builtin_add_overflow(last, step, &last);
  require(ok && last < (1ll << 62), "{}: the strides are impossible", where);
  return last + 1;
}

void copy_strided(const PickledTensor& tensor, const std::byte* source, std::byte* target, std::size_t item) {
  const auto rank = tensor.size.size();
  std::array<std::int64_t, Shape::kMaxRank> index{};
  const auto inner = rank ? tensor.size[rank - 1] : 1;
  const auto inner_stride = rank ? static_cast<std::size_t>(tensor.stride[rank - 1]) * item : 0;
  std::int64_t offset = 0;
  while (true) {
    const std::byte* from = source + static_cast<std::size_t>(offset) * item;
    for (std::int64_t i = 0; i < inner; ++i, from += inner_stride, target += item)
      std::memcpy(target, from, item);
    std::size_t axis = rank ? rank - 1 : 0;
    while (axis > 0) {
      --axis;
      offset += tensor.stride[axis];
      if (++index[axis] < tensor.size[axis]) break;
      offset -= tensor.stride[axis] * tensor.size[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (rank <= 1) return;
  }
}

}  // namespace

std::optional<DType> dtype_of_storage(std::string_view storage_type) {
  if (is_untyped(storage_type)) return DType::kU8;
  for (const auto& type : kTypes)
    if (after_last_dot(storage_type) == type.storage) return type.dtype;
  return std::nullopt;
}

std::uint64_t storage_bytes(const PickledStorage& storage, const std::string& where) {
  const auto dtype = dtype_of_storage(storage.type);
  require(dtype.has_value(), "{}: values of type {} are not supported", where, storage.type);
  std::int64_t count = 0, bytes = 0;
  require(!__builtin_add_overflow(storage.offset, storage.count, &count) &&
              !__builtin_mul_overflow(count, dtype_bytes(*dtype), &bytes),
          "{}: the storage of {} elements is impossible", where, storage.count);
  return static_cast<std::uint64_t>(bytes);
}

std::optional<std::uint64_t> dense_bytes(const PickledTensor& tensor, const PickledStorage& storage) {
  try {
    const std::int64_t elements = Shape(tensor.size).elements();
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(elements, dtype_bytes(dtype_of(tensor, storage, {})), &bytes)) return {};
    return static_cast<std::uint64_t>(bytes);
  } catch (const Error&) {
    return {};
  }
}

HostArray materialize(const PickledTensor& tensor, const PickledStorage& storage, std::uint64_t record_bytes,
                      const RecordReader& read, const std::string& where) {
  const DType dtype = dtype_of(tensor, storage, where);
  const std::int64_t item = dtype_bytes(dtype);
  const std::uint64_t end_bytes = storage_bytes(storage, where);
  require(end_bytes <= record_bytes, "{}: the storage needs {} bytes, its record has {}", where, end_bytes,
          record_bytes);
  HostArray array{dtype, {}, nullptr};
  try {
    array.shape = Shape(tensor.size);
  } catch (const Error& e) {
    fail("{}: {}", where, e.what());
  }
  if (array.elements() == 0) return array;

  const std::int64_t begin_bytes = storage.offset * dtype_bytes(*dtype_of_storage(storage.type));
  const std::int64_t available = (static_cast<std::int64_t>(end_bytes) - begin_bytes) / item;
  const std::int64_t needed = extent(tensor, where);
  require(needed <= available, "{}: the view reaches element {} of a storage of {}", where, needed - 1,
          available);
  std::int64_t bytes = 0;
  require(!__builtin_mul_overflow(array.elements(), item, &bytes) &&
              bytes <= std::max(available * item,
                                static_cast<std::int64_t>(ReaderLimit(kMaxExpandedBytes).value())),
          "{}: {} from a storage of {} elements is too large a repetition", where, array.shape.str(),
          available);
  const OwnedBytes view = read(static_cast<std::uint64_t>(begin_bytes + tensor.offset * item),
                               static_cast<std::uint64_t>((needed - tensor.offset) * item));
  const std::byte* source = view.bytes.data();
  if (is_row_major(tensor) &&
      reinterpret_cast<std::uintptr_t>(source) % static_cast<std::size_t>(item) == 0) {
    array.data = view.owner;
    return array;
  }
  auto copy = std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes));
  copy_strided(tensor, source, copy.get(), static_cast<std::size_t>(item));
  array.data = {copy, copy.get()};
  return array;
}

}  // namespace san
