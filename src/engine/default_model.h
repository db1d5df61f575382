#pragma once
#include <string>

#include "checkpoint/model_file.h"

namespace san {

/// The model built into the program. Throws Error when the program was built without one.
ModelSource open_default_model();
bool has_default_model();

/// "default", the built-in one; else a file, or the name of a fetched one. Throws Error.
ModelSource open_any_model(const std::string& name);

}  // namespace san
