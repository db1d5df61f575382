#pragma once
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

/// The tensor's values, row-major: borrowed from `record` where it is laid out so and aligned, otherwise
/// copied. Throws Error naming `where` when the view leaves its storage or the storage its record, and on
/// views that repeat a few values into a huge tensor.
HostArray materialize(const PickledTensor& tensor, const PickledStorage& storage, const OwnedBytes& record,
                      const std::string& where);

}  // namespace san
