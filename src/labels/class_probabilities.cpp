#include <algorithm>
#include <limits>

#include "labels/head_kernels.h"
#include "labels/segmentation_head.h"

namespace san {

std::vector<float> class_probabilities(std::span<const float> class_logits, int queries,
                                       const HeadOptions& options, ThreadPool& pool) {
  std::vector<float> result;
  class_probabilities(class_logits, queries, options, pool, result);
  return result;
}

void class_probabilities(std::span<const float> class_logits, int queries, const HeadOptions& options,
                         ThreadPool& pool, std::vector<float>& result) {
  const auto classes = static_cast<std::size_t>(options.classes);
  const std::size_t rows = options.row_class.empty() ? classes : options.row_class.size();
  result.resize(static_cast<std::size_t>(queries) * (classes + 1));
  pool.parallel_for(queries, 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> merged;
    thread_local std::vector<double> powers;
    merged.resize(options.row_class.empty() ? 0 : classes + 1);
    powers.resize(classes + 1);
    for (auto q = static_cast<std::size_t>(begin); q < static_cast<std::size_t>(end); ++q) {
      const float* in = &class_logits[q * (rows + 1)];
      if (!merged.empty()) {
        std::fill(merged.begin(), merged.end(), std::numeric_limits<float>::lowest());
        for (std::size_t r = 0; r < rows; ++r) {
          float& logit = merged[static_cast<std::size_t>(options.row_class[r])];
          logit = std::max(logit, in[r]);
        }
        merged.back() = in[rows];
        in = merged.data();
      }
      head::softmax(in, classes + 1, powers.data(), &result[q * (classes + 1)]);
    }
  });
}

}  // namespace san
