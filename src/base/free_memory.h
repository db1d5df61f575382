#pragma once

namespace san {

/// Gives the system back what the process has let go of: after work that needed more memory than what
/// follows, such as reading a model.
void give_back_free_memory();

}  // namespace san
