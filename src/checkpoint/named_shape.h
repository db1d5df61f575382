#pragma once
#include <string>

#include "tensor/shape.h"

namespace san {

/// A parameter as the network declares it: its name in the official SAN state dict and its shape.
struct NamedShape {
  std::string name;
  Shape shape;
};

}  // namespace san
