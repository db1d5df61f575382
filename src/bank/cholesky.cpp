#include "bank/cholesky.h"

#include <cmath>
#include <numeric>

#include "base/error.h"

namespace san {
namespace {

constexpr double kRidge = 1e-3;  // of the mean variance

}  // namespace

Cholesky::Cholesky(std::vector<double> matrix, std::size_t dim) : dim_(dim), factor_(std::move(matrix)) {
  require(factor_.size() == dim * dim, "Cholesky: {} values for {} rows", factor_.size(), dim);
  for (std::size_t i = 0; i < dim; ++i) {
    double* row = &factor_[i * dim];
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = &factor_[j * dim];
      const double rest = row[j] - std::inner_product(row, row + j, other, 0.0);
      if (j < i) {
        row[j] = rest / other[j];
        continue;
      }
      require(std::isfinite(rest) && rest > 0,
              "a covariance is not positive definite; the examples are damaged");
      row[i] = std::sqrt(rest);
    }
  }
}

Cholesky ridged_factor(std::vector<double> covariance, std::size_t dim) {
  double trace = 0;
  for (std::size_t d = 0; d < dim; ++d) trace += covariance[d * dim + d];
  for (std::size_t d = 0; d < dim; ++d)
    covariance[d * dim + d] += kRidge * trace / static_cast<double>(dim) + 1e-12;
  return {std::move(covariance), dim};
}

double Cholesky::log_determinant() const {
  double sum = 0;
  for (std::size_t i = 0; i < dim_; ++i) sum += 2 * std::log(at(i, i));
  return sum;
}

void Cholesky::forward(std::span<double> x) const {
  for (std::size_t i = 0; i < dim_; ++i) {
    const double* row = &factor_[i * dim_];
    x[i] = (x[i] - std::inner_product(row, row + i, x.begin(), 0.0)) / row[i];
  }
}

void Cholesky::solve(std::span<double> x) const {
  forward(x);
  for (std::size_t i = dim_; i-- > 0;) {
    x[i] /= at(i, i);
    for (std::size_t j = 0; j < i; ++j) x[j] -= at(i, j) * x[i];
  }
}

}  // namespace san
