#pragma once
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
  /// What to call the source in messages (a path, "formula:vit-b-16").
  virtual std::string description() const = 0;
};

}  // namespace san
