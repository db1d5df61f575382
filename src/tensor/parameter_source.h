#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tensor/host_array.h"

namespace san {

/// A parameter as a network declares it.
struct Declaration {
  std::string name;
  Shape shape;
  bool trainable = false;
};

/// Writes rows [begin, end) of the first axis, as they are stored, to `to`. Any number of threads may call
/// it, also when the source is gone.
using RowReader = std::function<void(std::int64_t begin, std::int64_t end, std::byte* to)>;

/// A parameter that nobody has read yet.
struct StoredRows {
  DType dtype = DType::kF32;
  Shape shape;
  RowReader read;
};

/// Where the network's parameters come from: a checkpoint file, a formula, a training state.
/// Names are the network's own.
class ParameterSource {
 public:
  virtual ~ParameterSource() = default;
  /// All names, sorted.
  virtual std::vector<std::string> names() const = 0;
  virtual bool contains(const std::string& name) const = 0;
  /// Shape as stored; throws Error when absent.
  virtual Shape shape(const std::string& name) const = 0;
  /// The values; throws Error when absent. May be called from several threads.
  virtual HostArray load(const std::string& name) const = 0;
  /// The same where the source would rather be asked for a few rows at a time; nothing: load() it. Throws
  /// Error when absent.
  virtual std::optional<StoredRows> stored_rows(const std::string& name) const {
    (void)name;
    return std::nullopt;
  }
  /// What to call the source in messages (a path, "formula:vit-b-16").
  virtual std::string description() const = 0;
};

}  // namespace san
