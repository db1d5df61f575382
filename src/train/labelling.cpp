#include "train/labelling.h"

#include <ATen/Parallel.h>

#include "backend/torch/matmul.h"

namespace san {
namespace {

// Class scores alive at once: on the CPU what its caches hold.
constexpr std::int64_t kScoresOnCpu = std::int64_t{1} << 20, kScoresOnCuda = std::int64_t{1} << 28;

at::Tensor resized(const at::Tensor& x, Grid size) {
  if (x.size(2) == size.height && x.size(3) == size.width) return x;
  const std::vector<std::int64_t> to{size.height, size.width};
  return at::upsample_bilinear2d(x, to, false, {}, {});
}

// Of scores [K, P], for each column; several times faster on the CPU than libtorch's along that axis.
void best_class(const at::Tensor& scores, std::int32_t* best) {
  const std::int64_t classes = scores.size(0), pixels = scores.size(1);
  const float* values = scores.data_ptr<float>();
  at::parallel_for(0, pixels, 1024, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> highest(values + begin, values + end);
    std::fill(best + begin, best + end, std::int32_t{0});
    for (std::int64_t k = 1; k < classes; ++k) {
      const float* row = values + k * pixels;
      for (std::int64_t i = begin; i < end; ++i) {
        float& top = highest[static_cast<std::size_t>(i - begin)];
        const bool better = row[i] > top;
        top = better ? row[i] : top;
        best[i] = better ? static_cast<std::int32_t>(k) : best[i];
      }
    }
  });
}

}  // namespace

at::Tensor segment(const Prediction& p, Grid padded, Grid content, Grid output) {
  const at::Tensor probability = at::softmax(p.class_logits.to(at::kFloat), -1);
  const at::Tensor classes =
      probability.narrow(2, 0, probability.size(2) - 1).transpose(1, 2).contiguous();  // [B, K, Q]
  const bool on_cpu = classes.device().is_cpu();
  const std::int64_t pixels = output.tokens();
  const std::int64_t band =
      std::max<std::int64_t>(1, (on_cpu ? kScoresOnCpu : kScoresOnCuda) / classes.size(1));
  at::Tensor labels = at::empty({classes.size(0), pixels}, classes.options().dtype(at::kInt));
  for (std::int64_t b = 0; b < classes.size(0); ++b) {
    const at::Tensor cut = resized(p.mask_logits.narrow(0, b, 1).to(at::kFloat), padded)
                               .narrow(2, 0, content.height)
                               .narrow(3, 0, content.width);
    const at::Tensor masks = resized(cut, output).sigmoid().reshape({-1, pixels});  // [Q, H·W]
    for (std::int64_t begin = 0; begin < pixels; begin += band) {
      const std::int64_t count = std::min(band, pixels - begin);
      const at::Tensor scores = matmul_fast(classes[b], masks.narrow(1, begin, count).contiguous());
      const at::Tensor part = labels[b].narrow(0, begin, count);
      if (on_cpu)
        best_class(scores, part.data_ptr<std::int32_t>());
      else
        at::Tensor(part).copy_(scores.argmax(0));
    }
  }
  return labels.view({-1, output.height, output.width});
}

}  // namespace san
