#pragma once
#include <optional>
#include <span>
#include <vector>

namespace san {

/// Whether a picture is like those of a bank, by its distance: the squared Mahalanobis distance of its
/// embeddings to all regions of the bank's pictures (m, T), in the mean over the queries of one look.
struct PictureGate {
  float open = 0, closed = 0;  ///< distances; open < closed

  /// What examples count for: 1 up to `open`, 0 from `closed` on, evenly between.
  double at(double distance) const;
};

/// Regions of pictures: their number, sum and products of embeddings (lower triangle).
struct RegionSums {
  explicit RegionSums(std::size_t dim) : sum(dim), products(dim * dim) {}
  std::size_t dim() const { return sum.size(); }
  /// `sign` −1 takes a region away.
  void add(std::span<const float> embedding, double sign = 1);
  /// As many regions as `regions`, of which mean [dim] and covariance [dim, dim] are known.
  void add(std::span<const float> mean, std::span<const float> covariance, double regions);
  std::vector<double> mean() const;
  /// [dim, dim], lower triangle alone; of few regions drawn towards the same variance in every direction.
  std::vector<double> covariance() const;

  double count = 0;
  std::vector<double> sum, products;
};

/// Finds the gate of a bank: each picture's distance to the *other* pictures is what pictures of the same
/// kind have.
class GateCalibration {
 public:
  static constexpr std::size_t kPictures = 128;     ///< that are kept to measure with, evenly spread
  static constexpr std::size_t kLeastPictures = 8;  ///< fewer tell nothing

  /// embeddings: all queries of a look, [queries, dim]; regions: those of them that are in the sums.
  void add(std::vector<float> embeddings, std::vector<int> regions);
  /// Open up to the median, closed from the 95th percentile on; none for too few pictures. Throws Error when
  /// embeddings are not finite.
  std::optional<PictureGate> finish(const RegionSums& all) const;
  std::size_t bytes() const;  ///< of what is kept

 private:
  struct Picture {
    std::vector<float> embeddings;
    std::vector<int> regions;
  };
  std::vector<Picture> kept_;
  std::size_t seen_ = 0, stride_ = 1;
};

}  // namespace san
