#include "engine/baselines.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/preprocess.h"
#include "labels/axis_weights.h"
#include "labels/mask_logits.h"

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

// CLIP's mean colour, which normalises to zero.
constexpr std::uint8_t kMean[3] = {123, 117, 104};

// The box cut out and made square with grey borders; pixels outside the mask are grey too.
Image cut_out(const Image& image, const float* logits, const Box& box) {
  const int height = box.bottom - box.top, width = box.right - box.left, side = std::max(height, width);
  Image out(side, side);
  for (std::size_t i = 0; i < out.rgb.size(); ++i) out.rgb[i] = kMean[i % 3];
  const int top = (side - height) / 2, left = (side - width) / 2;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      if (logits[static_cast<std::ptrdiff_t>(box.top + y) * image.width + box.left + x] <= 0) continue;
      std::copy_n(image.row(box.top + y) + static_cast<std::ptrdiff_t>(box.left + x) * 3, 3,
                  out.row(top + y) + static_cast<std::ptrdiff_t>(left + x) * 3);
    }
  return out;
}

}  // namespace

Method parse_method(const std::string& name) {
  if (name == "san") return Method::kSan;
  if (name == "maskclip") return Method::kMaskClip;
  if (name == "crops") return Method::kCrops;
  fail("method \"{}\" is unknown; expected san, maskclip or crops", name);
}

LabelMap maskclip_labels(Session& session, const Image& image,
                         const std::shared_ptr<const TextEmbeddings>& vocabulary, int short_side) {
  Backend& b = session.backend();
  const San& network = session.engine().network();
  const SanConfig& c = network.config();
  const auto patch = static_cast<int>(c.clip.patch);
  if (short_side == 0) short_side = static_cast<int>(static_cast<double>(c.short_side) * c.clip_scale);
  const Size size = resize_shortest_edge({image.height, image.width}, short_side, 4 * short_side);
  const Image resized = resize(image, std::max(size.height, patch), std::max(size.width, patch),
                               ResizeFilter::kBilinear, &session.pool());
  const Preprocessed input = preprocess(resized, patch, &session.pool());
  const Grid pixels{input.height, input.width}, grid{input.height / patch, input.width / patch};

  const Tensor features =
      network.embed_patches(b, b.from_host({1, pixels.tokens(), 3}, input.values), pixels);  // [1, h·w, D]
  const Tensor text = b.from_host({1, vocabulary->row_count(), vocabulary->dim}, vocabulary->rows);
  const std::vector<float> similarity = b.to_host(b.matmul(features, text, true));  // [1, h·w, rows]

  const auto rows = static_cast<std::size_t>(vocabulary->row_count());
  const std::vector<int> row_class = vocabulary->row_classes();
  const auto ys =
      AxisWeights::compose(static_cast<int>(grid.height), input.height, input.content_height, image.height);
  const auto xs =
      AxisWeights::compose(static_cast<int>(grid.width), input.width, input.content_width, image.width);
  LabelMap labels(image.height, image.width);
  session.pool().parallel_for(image.height, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scores(rows);
    for (auto y = static_cast<int>(begin); y < end; ++y)
      for (int x = 0; x < image.width; ++x) {
        std::ranges::fill(scores, 0.0f);
        const auto &ty = ys.taps[static_cast<std::size_t>(y)], &tx = xs.taps[static_cast<std::size_t>(x)];
        for (std::size_t i = 0; i < static_cast<std::size_t>(ty.count); ++i)
          for (std::size_t j = 0; j < static_cast<std::size_t>(tx.count); ++j) {
            const float weight = ty.weight[i] * tx.weight[j];
            const float* at = similarity.data() +
                              (static_cast<std::size_t>(ty.index[i]) * static_cast<std::size_t>(grid.width) +
                               static_cast<std::size_t>(tx.index[j])) *
                                  rows;
            for (std::size_t k = 0; k < rows; ++k) scores[k] += weight * at[k];
          }
        const auto best = std::ranges::max_element(scores) - scores.begin();
        labels.row(y)[x] = static_cast<std::uint16_t>(row_class[static_cast<std::size_t>(best)]);
      }
  });
  return labels;
}

LabelMap crop_labels(Session& session, const Image& image,
                     const std::shared_ptr<const TextEmbeddings>& vocabulary) {
  Backend& b = session.backend();
  const San& network = session.engine().network();
  const SanConfig& c = network.config();
  NetworkResult result = session.run(image, vocabulary);
  const std::vector<float> masks = resized_mask_logits(result.view, image.height, image.width);
  const auto pixels = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  const auto side = static_cast<int>(c.clip.grid * c.clip.patch);

  std::vector<float> crops;
  std::vector<int> queries;
  for (int q = 0; q < result.view.queries; ++q) {
    const float* mask = masks.data() + static_cast<std::size_t>(q) * pixels;
    const Box box = bounding_box(mask, image.height, image.width);
    if (box.empty()) continue;
    const Image crop = resize(cut_out(image, mask, box), side, side, ResizeFilter::kBicubic, &session.pool());
    const Preprocessed input = preprocess(crop, 1);
    crops.insert(crops.end(), input.values.begin(), input.values.end());
    queries.push_back(q);
  }
  // Queries without a mask have no say: the background takes them.
  const auto columns = static_cast<std::size_t>(vocabulary->row_count()) + 1;
  std::ranges::fill(result.class_logits, -100.0f);
  for (std::size_t i = columns - 1; i < result.class_logits.size(); i += columns)
    result.class_logits[i] = 0.0f;
  if (!queries.empty()) {
    const auto count = static_cast<std::int64_t>(queries.size());
    const Tensor embeddings =
        network.embed_images(b, b.from_host({count, std::int64_t{side} * side, 3}, crops), {side, side});
    const Tensor text = b.from_host({vocabulary->row_count(), vocabulary->dim}, vocabulary->rows);
    const std::vector<float> logits = b.to_host(
        network.classify(b, b.reshape(embeddings, {1, count, embeddings[1]}), network.classifier(b, text)));
    for (std::size_t i = 0; i < queries.size(); ++i)
      for (std::size_t k = 0; k + 1 < columns; ++k)
        result.class_logits[static_cast<std::size_t>(queries[i]) * columns + k] = logits[i * columns + k];
    // CLIP never met the learned background, so a mask that exists belongs to some class.
    for (const int q : queries)
      result.class_logits[(static_cast<std::size_t>(q) + 1) * columns - 1] = -100.0f;
  }
  const std::vector<int> row_class = vocabulary->row_classes();
  return session.segmentation_head()
      .run({&result.view, 1}, image.height, image.width, head_options(*vocabulary, row_class, {}))
      .labels;
}

}  // namespace san
