#pragma once
#include <cstdint>
#include <span>

namespace san::unicode {

/// Code points first…last.
struct Range {
  char32_t first, last;
};

/// Every `stride`-th code point of first…last lower-cases to itself + delta.
struct CaseRun {
  char32_t first, last;
  char32_t stride;
  std::int32_t delta;
};

// Sorted: the general categories L and N (disjoint ranges), and the one-to-one lower-case mappings.
std::span<const Range> letters();
std::span<const Range> numbers();
std::span<const CaseRun> lower_case_runs();

}  // namespace san::unicode
