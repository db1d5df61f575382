#include "train/hungarian.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace san {
namespace {

// Shortest augmenting paths with dual variables (Jonker and Volgenant 1987), for n ≤ m. `at(i, j)` is the
// cost. Returns the column of each row.
template <class Cost>
std::vector<std::int64_t> assign(std::int64_t n, std::int64_t m, const Cost& at) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto size = static_cast<std::size_t>(m);
  std::vector<double> row_dual(static_cast<std::size_t>(n), 0), column_dual(size, 0), shortest(size);
  std::vector<std::int64_t> row_of(size, -1), previous(size);
  std::vector<bool> reached(size);
  for (std::int64_t start = 0; start < n; ++start) {
    shortest.assign(size, kInfinity);
    reached.assign(size, false);
    previous.assign(size, -1);
    std::int64_t row = start, sink = -1, through = -1;
    double length = 0;
    while (sink < 0) {
      std::int64_t next = -1;
      for (std::size_t j = 0; j < size; ++j) {
        if (reached[j]) continue;
        const double candidate = length + at(row, static_cast<std::int64_t>(j)) -
                                 row_dual[static_cast<std::size_t>(row)] - column_dual[j];
        if (candidate < shortest[j]) shortest[j] = candidate, previous[j] = through;
        if (next < 0 || shortest[j] < shortest[static_cast<std::size_t>(next)] ||
            (shortest[j] == shortest[static_cast<std::size_t>(next)] && row_of[j] < 0))
          next = static_cast<std::int64_t>(j);
      }
      const auto column = static_cast<std::size_t>(next);
      length = shortest[column];
      reached[column] = true;
      through = next;
      if (row_of[column] < 0) {
        sink = next;
      } else {
        row = row_of[column];
      }
    }
    row_dual[static_cast<std::size_t>(start)] += length;
    for (std::size_t j = 0; j < size; ++j) {
      if (!reached[j]) continue;
      if (row_of[j] >= 0) row_dual[static_cast<std::size_t>(row_of[j])] += length - shortest[j];
      column_dual[j] -= length - shortest[j];
    }
    for (std::int64_t j = sink; j >= 0;) {
      const auto column = static_cast<std::size_t>(j);
      const std::int64_t before = previous[column];
      row_of[column] = before < 0 ? start : row_of[static_cast<std::size_t>(before)];
      j = before;
    }
  }
  std::vector<std::int64_t> column_of(static_cast<std::size_t>(n), -1);
  for (std::size_t j = 0; j < size; ++j)
    if (row_of[j] >= 0) column_of[static_cast<std::size_t>(row_of[j])] = static_cast<std::int64_t>(j);
  return column_of;
}

}  // namespace

std::vector<std::int64_t> assign_minimum_cost(std::span<const float> cost, std::int64_t rows,
                                              std::int64_t columns) {
  require(static_cast<std::int64_t>(cost.size()) == rows * columns, "assignment: {} costs for {} × {}",
          cost.size(), rows, columns);
  for (const float c : cost)
    require(std::isfinite(c),
            "assignment: a matching cost is NaN or infinite; the predictions have diverged");
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return static_cast<double>(cost[static_cast<std::size_t>(i * columns + j)]);
  };
  if (rows <= columns) return assign(rows, columns, at);
  const std::vector<std::int64_t> row_of =
      assign(columns, rows, [&](std::int64_t i, std::int64_t j) { return at(j, i); });
  std::vector<std::int64_t> column_of(static_cast<std::size_t>(rows), -1);
  for (std::size_t j = 0; j < row_of.size(); ++j)
    column_of[static_cast<std::size_t>(row_of[j])] = static_cast<std::int64_t>(j);
  return column_of;
}

}  // namespace san
