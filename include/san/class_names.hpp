#pragma once
#include <string>
#include <vector>

namespace san {

/// What a label map's index stands for.
struct ClassName {
  std::string label;               ///< shown to people: the first of the names
  std::vector<std::string> names;  ///< each embedded on its own; a pixel's score is the best of them
};

}  // namespace san
