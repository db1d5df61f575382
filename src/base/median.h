#pragma once
#include <algorithm>
#include <vector>

namespace san {

/// The middle of `values`, of an even number of them the mean of the middle two; 0 of none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t upper = values.size() / 2, lower = (values.size() - 1) / 2;
  return (values[lower] + values[upper]) / 2;
}

}  // namespace san
