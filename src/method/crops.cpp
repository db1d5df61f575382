#include <algorithm>

#include "image/crop.h"
#include "labels/mask_logits.h"
#include "method/methods.h"
#include "method/san_masks.h"

namespace san {
namespace {

struct Box {
  int top = 0, left = 0, bottom = 0, right = 0;
  bool empty() const { return bottom <= top; }
};

Box bounding_box(const float* logits, int height, int width) {
  Box box{height, width, 0, 0};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (logits[static_cast<std::ptrdiff_t>(y) * width + x] > 0)
        box = {std::min(box.top, y), std::min(box.left, x), std::max(box.bottom, y + 1),
               std::max(box.right, x + 1)};
  return box;
}

// The box cut out and made square with grey borders; pixels outside the mask are grey too.
Image cut_out(const Image& image, const float* logits, const Box& box) {
  const int height = box.bottom - box.top, width = box.right - box.left, side = std::max(height, width);
  const auto grey = clip_mean_color();
  Image out(side, side);
  for (std::size_t i = 0; i < out.rgb.size(); ++i) out.rgb[i] = grey[i % 3];
  const int top = (side - height) / 2, left = (side - width) / 2;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      if (logits[static_cast<std::ptrdiff_t>(box.top + y) * image.width + box.left + x] <= 0) continue;
      std::copy_n(image.row(box.top + y) + static_cast<std::ptrdiff_t>(box.left + x) * 3, 3,
                  out.row(top + y) + static_cast<std::ptrdiff_t>(left + x) * 3);
    }
  return out;
}

struct CropFeatures final : MaskFeatures {
  std::vector<int> queries;  // those whose mask is not empty: they have embeddings
};

class Crops final : public SanMasks {
 public:
  using SanMasks::SanMasks;

  std::unique_ptr<Features> look(const Compute& compute, const Image& picture,
                                 const LookOptions& options) const override {
    auto seen = std::make_unique<CropFeatures>();
    look_for_masks(compute, picture, options, *seen);
    embed_crops(compute, picture, *seen);
    return seen;
  }

  Logits name(const Compute& compute, std::shared_ptr<const Features> features,
              const Classifier& classifier) const override {
    Backend& b = compute.backend;
    const auto& seen = own<CropFeatures>(*features);
    const Tensor& rows = own<MaskClassifier>(classifier).rows;
    const auto columns = static_cast<std::size_t>(rows[1]);
    // Queries without a mask have no say: the background takes them.
    std::vector<float> values(static_cast<std::size_t>(seen.view.queries) * columns, kNever);
    for (std::size_t i = columns - 1; i < values.size(); i += columns) values[i] = 0.0f;
    if (!seen.queries.empty()) {
      const auto count = static_cast<std::int64_t>(seen.queries.size());
      const Tensor embeddings = b.from_host({1, count, network_.config().clip.embed_dim}, seen.embeddings);
      const std::vector<float> named = b.to_host(network_.classify(b, embeddings, rows));
      for (std::size_t i = 0; i < seen.queries.size(); ++i) {
        float* own_logits = &values[static_cast<std::size_t>(seen.queries[i]) * columns];
        std::copy_n(&named[i * columns], columns - 1, own_logits);
        // CLIP never met the learned background, so a mask that exists belongs to some class.
        own_logits[columns - 1] = kNever;
      }
    }
    Logits logits(std::move(features), std::move(values));
    logits.view.class_logits = logits.values;
    return logits;
  }

 private:
  static constexpr float kNever = -100.0f;

  void embed_crops(const Compute& compute, const Image& picture, CropFeatures& seen) const {
    Backend& b = compute.backend;
    const ClipConfig& clip = network_.config().clip;
    const auto side = static_cast<int>(clip.grid * clip.patch);
    const std::vector<float> masks = resized_mask_logits(seen.view, picture.height, picture.width);
    const std::size_t pixels = masks.size() / static_cast<std::size_t>(seen.view.queries);
    std::vector<float> crops;
    for (int q = 0; q < seen.view.queries; ++q) {
      const float* mask = masks.data() + static_cast<std::size_t>(q) * pixels;
      const Box box = bounding_box(mask, picture.height, picture.width);
      if (box.empty()) continue;
      const Image crop =
          resize(cut_out(picture, mask, box), side, side, ResizeFilter::kBicubic, &compute.pool);
      const Preprocessed input = preprocess(crop, 1);
      crops.insert(crops.end(), input.values.begin(), input.values.end());
      seen.queries.push_back(q);
    }
    if (seen.queries.empty()) return;
    const auto count = static_cast<std::int64_t>(seen.queries.size());
    seen.embeddings = b.to_host(
        network_.embed_images(b, b.from_host({count, std::int64_t{side} * side, 3}, crops), {side, side}));
  }
};

}  // namespace

MethodInfo crops_method() {
  MethodInfo info;
  info.name = "crops";
  info.architecture = "san";
  info.summary = "a baseline: masks cut out and named one by one";
  info.masks = true;
  info.make = [](ParamLoader& loader, const ModelConfig& config) {
    return std::make_unique<Crops>(loader, SanConfig::from_json(config.json, config.where));
  };
  return info;
}

}  // namespace san
