#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace san {

/// Minimum-cost assignment of min(rows, columns) pairs, exact, O(n² m). `cost` is row-major. Returns the
/// column of each row, −1 for rows left out. Throws Error when a cost is NaN or infinite.
std::vector<std::int64_t> assign_minimum_cost(std::span<const float> cost, std::int64_t rows,
                                              std::int64_t columns);

}  // namespace san
