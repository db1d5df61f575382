#pragma once
#include <cstdint>
#include <vector>

#include "backend/torch/torch_headers.h"

namespace san {

/// What random points are drawn for.
enum class PointUse : std::uint8_t { kMatching, kCandidates, kRandom };

/// Where the criterion's random points come from; recorded ones can be replayed through it.
class PointSource {
 public:
  virtual ~PointSource() = default;
  /// Uniform values in [0, 1) of shape [rows, points, 2] for the prediction numbered `output` (0: the final
  /// one). A row belongs to an image of the batch, `images[row]`, ascending; for kMatching each image has one
  /// row, else one per matched mask.
  virtual at::Tensor draw(PointUse use, int output, const std::vector<std::int64_t>& images,
                          std::int64_t points) = 0;
};

/// Points as a pure function of seed, step, image, output, use and row: the same on every device and however
/// the batch is spread over processes. `first_image` numbers this process's images within the global batch.
class SeededPoints : public PointSource {
 public:
  SeededPoints(at::Device device, std::uint64_t seed, std::int64_t step, std::int64_t first_image = 0);
  at::Tensor draw(PointUse use, int output, const std::vector<std::int64_t>& images,
                  std::int64_t points) override;

 private:
  at::Device device_;
  std::uint64_t key_;
  std::int64_t first_image_;
};

/// Element i of row r is the upper 24 bits of splitmix64(keys[r] + i), as a fraction of one: [rows, points,
/// 2].
at::Tensor uniform_from_keys(const std::vector<std::uint64_t>& keys, std::int64_t points, at::Device device);
/// The same by tensor ops alone, for devices whose memory a loop cannot reach.
at::Tensor uniform_from_keys_by_ops(const std::vector<std::uint64_t>& keys, std::int64_t points,
                                    at::Device device);

/// Bilinear samples (align_corners = false, zero outside) of maps [N, C, h, w] at points [N, P, 2] of (x, y)
/// in [0, 1] → [N, C, P].
at::Tensor sample_points(const at::Tensor& maps, const at::Tensor& points);

/// Bilinear samples of the binary masks (labels == class) of label maps [N, H, W] at points [N, P, 2];
/// classes [N, C] → float [N, C, P]. The masks themselves are never made. `labels` of any integer type.
at::Tensor sample_class_masks(const at::Tensor& labels, const at::Tensor& classes, const at::Tensor& points);

/// For every mask logit map of [M, h, w], `points` places: the most uncertain of `oversample`·points
/// candidates for the `importance` part, random ones for the rest → [M, points, 2] (PointRend,
/// docs/network.md §9). `images`: of each map.
at::Tensor uncertain_points(const at::Tensor& logits, const std::vector<std::int64_t>& images,
                            std::int64_t points, double oversample, double importance, int output,
                            PointSource& source);

}  // namespace san
