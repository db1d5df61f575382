#pragma once
#include <memory>
#include <utility>

#include "tensor/shape.h"

namespace san {

/// Where a backend keeps a tensor's values; each backend derives its own.
struct Storage {
  virtual ~Storage() = default;
};

/// A value of the network: a shape and a backend's storage. Immutable and cheap to copy; only the backend
/// that made it reads it.
class Tensor {
 public:
  Tensor() = default;
  Tensor(Shape shape, std::shared_ptr<Storage> storage) : shape_(shape), storage_(std::move(storage)) {}

  const Shape& shape() const { return shape_; }
  std::int64_t operator[](int axis) const { return shape_[axis]; }
  explicit operator bool() const { return storage_ != nullptr; }
  const std::shared_ptr<Storage>& storage() const { return storage_; }

 private:
  Shape shape_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace san
