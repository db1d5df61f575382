#pragma once
#include "tensor/parameter_source.h"
#include "train/criterion.h"

namespace san {

/// The random points of the training golden file, which follow from its formula: call number k of torch.rand
/// is keyed "rand:k", a step making 2·(images + 2) calls in the official order.
class GoldenPoints : public PointSource {
 public:
  explicit GoldenPoints(int step) : step_(step) {}
  at::Tensor draw(PointUse use, int output, const std::vector<std::int64_t>& images,
                  std::int64_t points) override;

 private:
  int step_;
};

/// The file's two target images, as label maps over the vocabulary.
Targets golden_targets(const ParameterSource& file);

}  // namespace san
