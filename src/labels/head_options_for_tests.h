#pragma once
#include <numeric>
#include <vector>

#include "labels/segmentation_head.h"

namespace san::test {

inline HeadOptions plain(int classes) {
  HeadOptions options;
  options.classes = classes;
  return options;
}

inline std::vector<int> up_to(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace san::test
