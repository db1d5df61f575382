#pragma once
#include "checkpoint/model_file.h"

namespace san {

/// The model built into the program. Throws Error when the program was built without one.
ModelSource open_default_model();
bool has_default_model();

}  // namespace san
