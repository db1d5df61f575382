#pragma once
#include <cstdint>

namespace san::native {

/// Rows of raw attention scores q kᵀ of one head, in a block of queries.
struct ScoreRows {
  float* scores = nullptr;  ///< [rows, columns], dense
  std::int64_t rows = 0, columns = 0;
  float scale = 1;         ///< log2(e) / √width
  std::int64_t last = -1;  ///< causal: row r sees columns 0..last + r; below 0: every row sees all

  std::int64_t visible(std::int64_t row) const {
    return last < 0 ? columns : (last + row + 1 < columns ? last + row + 1 : columns);
  }
};

/// Numerators of the softmax, 2^(scale·score − max of the row), into `out` (float: may be `scores`; or
/// bfloat16 bits); their sums into totals[rows], max + log2(sum) into log_sums[rows].
void softmax_numerators(const ScoreRows& s, float* out, float* totals, float* log_sums);
void softmax_numerators(const ScoreRows& s, std::uint16_t* out, float* totals, float* log_sums);

/// The way back: probabilities p from scores and log_sums into `p`, gradients of scale-free scores
/// p · (dp − delta[row]) into `ds`; in the float version `p` may be `scores` and `ds` may be `dp`.
void softmax_gradients(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta,
                       float* p, float* ds);
void softmax_gradients(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta,
                       std::uint16_t* p, std::uint16_t* ds);

}  // namespace san::native
