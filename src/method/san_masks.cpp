#include "method/san_masks.h"

#include "method/input.h"

namespace san {
namespace {

constexpr int kPadding = 32;  // as the authors pad

}  // namespace

InputSize SanMasks::input() const {
  return {static_cast<int>(network_.config().short_side), static_cast<int>(network_.config().long_side)};
}

std::unique_ptr<Classifier> SanMasks::prepare(Backend& backend, const TextEmbeddings& vocabulary) const {
  auto made = std::make_unique<MaskClassifier>();
  made->rows = network_.classifier(
      backend, backend.from_host({vocabulary.row_count(), vocabulary.dim}, vocabulary.rows));
  made->examples = vocabulary.examples;
  made->classes = static_cast<int>(vocabulary.classes.size());
  if (made->examples) made->row_class = vocabulary.row_classes();
  return made;
}

SanOutput SanMasks::look_for_masks(const Compute& compute, const Image& picture, const LookOptions& options,
                                   MaskFeatures& seen) const {
  Backend& b = compute.backend;
  NetworkInput input = fit_picture(compute, picture, this->input(), options, kPadding);
  const Grid size{input.height, input.width};
  SanOutput out = network_.forward(b, std::move(input.image), size).back();
  to_host(b, out.mask_logits, seen.masks);
  seen.resize_ms = input.ms;
  seen.view = view_of(input, network_.mask_grid(size), options.mirrored);
  seen.view.queries = static_cast<int>(network_.config().queries);
  seen.view.mask_logits = seen.masks;
  return out;
}

}  // namespace san
