#pragma once
#include <functional>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace san {

/// How two backends' results of one op compare.
struct OpDifference {
  const char* op = "";
  std::string name;
  Shape shape;
  double max_error = 0;  ///< max |a − b|
  double rms = 0;        ///< of the second backend's values: the scale to judge max_error by
};

/// Runs every op on two backends, each from its own earlier results turned equal: after an op, the second
/// backend's result replaces the first's, so that a difference belongs to the op that made it. `report` hears
/// of every op.
std::unique_ptr<Backend> make_check_backend(std::unique_ptr<Backend> subject, std::unique_ptr<Backend> oracle,
                                            std::function<void(const OpDifference&)> report);

}  // namespace san
