#pragma once
#include <span>
#include <vector>

#include "bank/bank.h"
#include "bank/cholesky.h"

namespace san {

/// How much likelier an embedding is among a class's examples than among whatever the bank's pictures show:
/// log N(e; class mean, S) − log N(e; m, T), where m and T are mean and covariance of all regions of those
/// pictures, and S, shared by the classes, is the covariance of examples around the mean of their class,
/// drawn towards a share of T while they are few. Linear discriminant analysis with a reference, so that
/// classes without examples (0) can be compared with those that have some. A class that few pictures show is
/// what looks very much like them, and never less likely than by words alone: it may look otherwise, too.
class ClassLikelihoods {
 public:
  explicit ClassLikelihoods(const ExampleBank& bank);

  std::size_t classes() const { return counts_.size(); }
  bool has_examples(std::size_t c) const { return counts_[c] > 0; }
  /// Writes [classes] values for an embedding of length 1; returns its squared Mahalanobis distance to all
  /// regions (m, T).
  double ratios(std::span<const float> embedding, std::span<double> out) const {
    return ratios(embedding, lines_, out);
  }

  /// As if the bank had not seen a picture: what changes are the means of the classes that it shows.
  class Without {
   public:
    Without(const ClassLikelihoods& all, const ExampleBank& bank, std::span<const std::size_t> examples);
    void ratios(std::span<const float> embedding, std::span<double> out) const {
      all_.ratios(embedding, lines_, out);
    }

   private:
    const ClassLikelihoods& all_;
    std::vector<std::vector<double>> lines_;
  };

 private:
  /// [dim] weights and the bias; empty for a class without examples.
  using Line = std::vector<double>;
  Line line(std::span<const double> sum, double count) const;
  double ratios(std::span<const float> embedding, const std::vector<Line>& lines,
                std::span<double> out) const;

  double few(double linear, double all, double within, std::size_t c) const;

  std::size_t dim_;
  std::vector<double> width_;              ///< of classes that few pictures show, of S; of others 0
  std::vector<double> center_;             ///< m
  std::vector<double> counts_;             ///< of examples, by their shares
  std::vector<std::vector<double>> sums_;  ///< of examples less m
  Cholesky within_, all_;
  double constant_;
  std::vector<Line> lines_;
};

}  // namespace san
