#include "bank/gate.h"

#include <algorithm>
#include <numeric>

#include "bank/cholesky.h"

namespace san {
namespace {

// Measured, docs/accuracy.md: examples are worth most where a picture is surely like the bank's, and cost
// most where it is not; half of the bank's own pictures count in full.
constexpr double kOpenShare = 0.5, kClosedShare = 0.95;
constexpr float kLeastWidth = 1.05f;  // pictures that are all the same leave room for one that is not

double distance(std::span<const float> embeddings, const std::vector<double>& center,
                const Cholesky& covariance) {
  const std::size_t dim = center.size(), count = embeddings.size() / dim;
  std::vector<double> z(dim);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t d = 0; d < dim; ++d) z[d] = static_cast<double>(embeddings[i * dim + d]) - center[d];
    covariance.forward(z);
    sum += std::inner_product(z.begin(), z.end(), z.begin(), 0.0);
  }
  return sum / static_cast<double>(count);
}

}  // namespace

double PictureGate::at(double distance) const {
  const auto o = static_cast<double>(open), c = static_cast<double>(closed);
  return std::clamp((c - distance) / (c - o), 0.0, 1.0);
}

void RegionSums::add(std::span<const float> embedding, double sign) {
  count += sign;
  for (std::size_t a = 0; a < sum.size(); ++a) {
    const double v = sign * static_cast<double>(embedding[a]);
    sum[a] += v;
    for (std::size_t b = 0; b <= a; ++b)
      products[a * sum.size() + b] += v * static_cast<double>(embedding[b]);
  }
}

void RegionSums::add(std::span<const float> mean, std::span<const float> covariance, double regions) {
  count += regions;
  for (std::size_t a = 0; a < sum.size(); ++a) {
    const double m = static_cast<double>(mean[a]);
    sum[a] += regions * m;
    for (std::size_t b = 0; b <= a; ++b)
      products[a * sum.size() + b] +=
          regions * (static_cast<double>(covariance[a * sum.size() + b]) + m * static_cast<double>(mean[b]));
  }
}

std::vector<double> RegionSums::mean() const {
  std::vector<double> out(sum);
  for (double& v : out) v /= std::max(count, 1.0);
  return out;
}

std::vector<double> RegionSums::covariance() const {
  const std::vector<double> m = mean();
  std::vector<double> out(products);
  for (std::size_t a = 0; a < m.size(); ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      double& v = out[a * m.size() + b];
      v = v / std::max(count, 1.0) - m[a] * m[b];
      if (a == b) v = std::max(v, 0.0);
    }
  // Few regions leave most directions out, in which any other picture would be infinitely far from them. By
  // the weight of four regions a dimension, fading where there are sixteen to thirty-two.
  const auto dim = static_cast<double>(m.size());
  const double weight = 4 * dim * std::clamp(2 - count / (16 * dim), 0.0, 1.0);
  if (weight == 0) return out;
  double trace = 0;
  for (std::size_t a = 0; a < m.size(); ++a) trace += out[a * m.size() + a];
  const double share = weight / (count + weight);
  for (double& v : out) v *= 1 - share;
  for (std::size_t a = 0; a < m.size(); ++a) out[a * m.size() + a] += share * trace / dim;
  return out;
}

void GateCalibration::add(std::vector<float> embeddings, std::vector<int> regions) {
  if (seen_++ % stride_ != 0) return;
  kept_.push_back({std::move(embeddings), std::move(regions)});
  if (kept_.size() < kPictures) return;
  // Every second one, from now on too.
  for (std::size_t i = 1; 2 * i < kept_.size(); ++i) kept_[i] = std::move(kept_[2 * i]);
  kept_.resize((kept_.size() + 1) / 2);
  stride_ *= 2;
}

std::size_t GateCalibration::bytes() const {
  std::size_t sum = 0;
  for (const Picture& p : kept_) sum += p.embeddings.size() * sizeof(float) + p.regions.size() * sizeof(int);
  return sum;
}

std::optional<PictureGate> GateCalibration::finish(const RegionSums& all) const {
  if (kept_.size() < kLeastPictures) return {};
  const std::size_t dim = all.dim();
  std::vector<double> distances;
  for (const Picture& picture : kept_) {
    RegionSums others = all;
    for (const int q : picture.regions)
      others.add(std::span(picture.embeddings).subspan(static_cast<std::size_t>(q) * dim, dim), -1);
    distances.push_back(distance(picture.embeddings, others.mean(), ridged_factor(others.covariance(), dim)));
  }
  std::ranges::sort(distances);
  const auto at = [&](double share) {
    return static_cast<float>(
        distances[static_cast<std::size_t>(share * static_cast<double>(distances.size() - 1) + 0.5)]);
  };
  const float open = at(kOpenShare);
  return PictureGate{open, std::max(at(kClosedShare), kLeastWidth * open)};
}

}  // namespace san
