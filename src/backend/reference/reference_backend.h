#pragma once
#include <memory>

#include "backend/backend.h"

namespace san {

/// The executable specification: naive loops, double-precision sums, one thread. The oracle of every test.
std::unique_ptr<Backend> make_reference_backend();

}  // namespace san
