#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace san {

/// The factor L of a symmetric positive definite matrix L·Lᵀ, lower triangle, row by row.
class Cholesky {
 public:
  /// matrix: [dim, dim]. Throws Error when it is not positive definite.
  Cholesky(std::vector<double> matrix, std::size_t dim);

  std::size_t dim() const { return dim_; }
  /// log of the matrix's determinant.
  double log_determinant() const;
  /// Solves L·y = x in place.
  void forward(std::span<double> x) const;
  /// Solves L·Lᵀ·y = x in place.
  void solve(std::span<double> x) const;

 private:
  double at(std::size_t i, std::size_t j) const { return factor_[i * dim_ + j]; }

  std::size_t dim_;
  std::vector<double> factor_;
};

/// Of a covariance, whose lower triangle alone is read, with a ridge that keeps one of few regions
/// invertible.
Cholesky ridged_factor(std::vector<double> covariance, std::size_t dim);

}  // namespace san
