#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/unpickler.h"
#include "checkpoint/zip_archive.h"
#include "tensor/host_array.h"

namespace san {

/// Element type of "torch.FloatStorage", "torch.cuda.HalfStorage", …; bytes for untyped storages; nothing for
/// types that HostArray has not.
std::optional<DType> dtype_of_storage(std::string_view storage_type);

/// The record bytes a storage spans, its offset included. Throws Error naming `where` on overflow or an
/// unsupported type.
std::uint64_t storage_bytes(const PickledStorage& storage, const std::string& where);

/// Gives `count` bytes of a storage's record from `offset`.
using RecordReader = std::function<OwnedBytes(std::uint64_t offset, std::uint64_t count)>;

/// The tensor's values, row-major: as `read` gives them where they are laid out so and aligned, otherwise
/// copied. Reads no more than the view spans. Throws Error naming `where` when the view leaves its storage or
/// the storage its record of `record_bytes`, and on views that repeat a few values into a huge tensor.
HostArray materialize(const PickledTensor& tensor, const PickledStorage& storage, std::uint64_t record_bytes,
                      const RecordReader& read, const std::string& where);

/// Bytes of the tensor's values, row-major; nothing where its shape or type is impossible.
std::optional<std::uint64_t> dense_bytes(const PickledTensor& tensor, const PickledStorage& storage);

}  // namespace san
