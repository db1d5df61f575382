#pragma once
#include "image/preprocess.h"
#include "method/method.h"
#include "model/san.h"

namespace san {

struct MaskFeatures : Features {
  std::size_t bytes() const override { return (masks.size() + embeddings.size()) * sizeof(float); }

  std::vector<float> masks;       ///< mask logits [queries, h·w]
  std::vector<float> embeddings;  ///< [those that can be named, embed_dim], norm 1
};

/// The values of a tensor into a list whose memory is used again.
inline void to_host(Backend& backend, const Tensor& x, std::vector<float>& values) {
  values.resize(static_cast<std::size_t>(x.shape().elements()));
  backend.to_host(x, values);
}

/// Rows of text and background, and what examples say beside them.
struct MaskClassifier final : Classifier {
  Tensor rows;                                    ///< [1, rows + 1, embed_dim]
  std::shared_ptr<const ExampleLogits> examples;  ///< none: null
  std::vector<int> row_class;                     ///< with examples, the class of every row
  int classes = 0;
};

/// What methods share whose masks are those of SAN's network: its input, its masks, its classifier.
class SanMasks : public Method {
 public:
  SanMasks(ParamLoader& loader, const SanConfig& config) : network_(loader, config) {}

  InputSize input() const override;
  std::unique_ptr<Classifier> prepare(Backend& backend, const TextEmbeddings& vocabulary) const override;

 protected:
  /// Runs the network; sets the masks and the geometry of `seen`, whose embeddings are the caller's to set.
  SanOutput look_for_masks(const Compute& compute, const Image& picture, const LookOptions& options,
                           MaskFeatures& seen) const;

  San network_;
};

}  // namespace san
