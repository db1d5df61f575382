#include "train/criterion.h"

#include <algorithm>
#include <numeric>

#include "backend/torch/matmul.h"
#include "base/error.h"
#include "train/hungarian.h"

namespace san {
namespace {

// Indices of the matched pairs of a batch, by image, then by query.
struct Pairs {
  std::vector<std::int64_t> image, query, label;
};

at::Tensor indices(const std::vector<std::int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

// The classes of every image, padded with −1 to the same number.
at::Tensor padded_classes(const Targets& targets, at::Device device) {
  std::size_t most = 0;
  for (const auto& classes : targets.classes) most = std::max(most, classes.size());
  std::vector<std::int64_t> padded;
  for (const auto& classes : targets.classes) {
    padded.insert(padded.end(), classes.begin(), classes.end());
    padded.resize(padded.size() + most - classes.size(), -1);
  }
  return indices(padded, device)
      .view({static_cast<std::int64_t>(targets.classes.size()), static_cast<std::int64_t>(most)});
}

// Matching costs of all images at once: [B, Q, most targets]; columns beyond an image's targets mean nothing.
at::Tensor matching_cost(const Prediction& prediction, const Targets& targets, const at::Tensor& classes,
                         const CriterionOptions& o, const at::Tensor& points) {
  const at::Tensor logits = sample_points(prediction.mask_logits.to(at::kFloat), points);        // [B, Q, P]
  const at::Tensor truth = sample_class_masks(targets.labels, classes, points).transpose(1, 2);  // [B, P, n]
  const auto count = static_cast<double>(points.size(1));
  // softplus(−x) and softplus(x) are the binary cross-entropies of x against 1 and 0.
  const at::Tensor positive = at::softplus(-logits), negative = at::softplus(logits);
  const at::Tensor mask = (matmul_fast(positive, truth) + matmul_fast(negative, 1.0 - truth)) / count;
  const at::Tensor sigmoid = logits.sigmoid();
  const at::Tensor dice = 1.0 - (2.0 * matmul_fast(sigmoid, truth) + 1.0) /
                                    (sigmoid.sum(-1).unsqueeze(2) + truth.sum(1).unsqueeze(1) + 1.0);
  const at::Tensor probability = at::softmax(prediction.class_logits.to(at::kFloat), -1);
  const std::int64_t queries = probability.size(1);
  const at::Tensor chosen =
      probability.gather(2, classes.clamp_min(0).unsqueeze(1).expand({-1, queries, -1}));
  return o.mask_weight * mask - o.class_weight * chosen + o.dice_weight * dice;
}

Pairs assign(const at::Tensor& cost_of_batch, const Targets& targets, Matching* kept) {
  Pairs pairs;
  const std::int64_t queries = cost_of_batch.size(1);
  for (std::size_t image = 0; image < targets.classes.size(); ++image) {
    const auto count = static_cast<std::int64_t>(targets.classes[image].size());
    const at::Tensor cost = cost_of_batch[static_cast<std::int64_t>(image)].narrow(1, 0, count).contiguous();
    const std::vector<std::int64_t> target_of = assign_minimum_cost(
        {cost.data_ptr<float>(), static_cast<std::size_t>(queries * count)}, queries, count);
    if (kept) kept->cost.push_back(cost), kept->query_and_target.emplace_back();
    for (std::int64_t query = 0; query < queries; ++query) {
      const std::int64_t target = target_of[static_cast<std::size_t>(query)];
      if (target < 0) continue;
      pairs.image.push_back(static_cast<std::int64_t>(image));
      pairs.query.push_back(query);
      pairs.label.push_back(targets.classes[image][static_cast<std::size_t>(target)]);
      if (kept) kept->query_and_target.back().emplace_back(query, target);
    }
  }
  return pairs;
}

at::Tensor class_loss(const at::Tensor& logits, const at::Tensor& image, const at::Tensor& query,
                      const at::Tensor& label, double no_object_weight, double count) {
  const std::int64_t columns = logits.size(2);
  at::Tensor wanted = at::full({logits.size(0), logits.size(1)}, columns - 1, label.options());
  wanted.index_put_({image, query}, label);
  at::Tensor weight = at::ones({columns}, logits.options().dtype(at::kFloat));
  weight[columns - 1] = no_object_weight;
  return at::cross_entropy_loss(logits.to(at::kFloat).transpose(1, 2), wanted, weight, at::Reduction::Sum) /
         count;
}

// Binary cross-entropy and Dice of logits [M, P] against truth [M, P].
std::pair<at::Tensor, at::Tensor> mask_losses(const at::Tensor& logits, const at::Tensor& truth,
                                              double count) {
  const at::Tensor bce =
      at::binary_cross_entropy_with_logits(logits, truth, {}, {}, at::Reduction::None).mean(1).sum() / count;
  const at::Tensor p = logits.sigmoid();
  const at::Tensor dice =
      (1.0 - (2.0 * (p * truth).sum(-1) + 1.0) / (p.sum(-1) + truth.sum(-1) + 1.0)).sum() / count;
  return {bce, dice};
}

}  // namespace

Normalizers local_normalizers(const Targets& targets, std::int64_t queries, const CriterionOptions& options) {
  Normalizers n{0, 0};
  for (const auto& classes : targets.classes) {
    const auto present = static_cast<std::int64_t>(classes.size());
    const std::int64_t matched = std::min(queries, present);
    n.masks += static_cast<double>(present);
    n.class_weight +=
        static_cast<double>(matched) + options.no_object_weight * static_cast<double>(queries - matched);
  }
  return n;
}

std::vector<std::int64_t> classes_present(std::span<const Label> labels, Label ignore) {
  std::vector<bool> seen;
  for (const Label label : labels) {
    if (label == ignore) continue;
    if (label >= seen.size()) seen.resize(label + std::size_t{1});
    seen[label] = true;
  }
  std::vector<std::int64_t> present;
  for (std::size_t label = 0; label < seen.size(); ++label)
    if (seen[label]) present.push_back(static_cast<std::int64_t>(label));
  return present;
}

Losses criterion(const std::vector<Prediction>& predictions, const Targets& targets,
                 const CriterionOptions& o, const Normalizers& normalizers, PointSource& points,
                 bool keep_matchings) {
  require(!predictions.empty(), "criterion: no prediction");
  const at::Device device = predictions[0].mask_logits.device();
  const auto batch = static_cast<std::int64_t>(targets.classes.size());
  require(targets.labels.dim() == 3 && targets.labels.size(0) == batch &&
              predictions[0].mask_logits.size(0) == batch,
          "criterion: {} label maps, {} class lists, {} predictions", targets.labels.size(0), batch,
          predictions[0].mask_logits.size(0));
  const at::Tensor classes = padded_classes(targets, device);
  const int outputs = static_cast<int>(predictions.size());
  const auto prediction = [&](int output) -> const Prediction& {  // 0: the final one
    return predictions[static_cast<std::size_t>(output == 0 ? outputs - 1 : output - 1)];
  };

  std::vector<std::int64_t> images(static_cast<std::size_t>(batch));
  std::iota(images.begin(), images.end(), 0);

  // All costs in one transfer: the device waits once.
  std::vector<at::Tensor> costs;
  {
    const at::NoGradGuard guard;
    for (int i = 0; i < outputs; ++i)
      costs.push_back(matching_cost(prediction(i), targets, classes, o,
                                    points.draw(PointUse::kMatching, i, images, o.points)));
  }
  const at::Tensor host_costs = at::stack(costs).to(at::kCPU);

  Losses losses;
  losses.total = at::zeros({}, predictions[0].mask_logits.options().dtype(at::kFloat));
  for (int i = 0; i < outputs; ++i) {
    Matching kept;
    const Pairs pairs = assign(host_costs[i], targets, keep_matchings ? &kept : nullptr);
    const at::Tensor image = indices(pairs.image, device), query = indices(pairs.query, device),
                     label = indices(pairs.label, device);
    const Prediction& p = prediction(i);
    const at::Tensor ce =
        class_loss(p.class_logits, image, query, label, o.no_object_weight, normalizers.class_weight);
    // By index_select: the gradient of an advanced index adds up in no fixed order on several threads.
    const at::Tensor logits =
        p.mask_logits.flatten(0, 1).index_select(0, image * p.mask_logits.size(1) + query).to(at::kFloat);
    at::Tensor bce = logits.sum(), dice = bce;  // of no pair: zero, with a gradient path
    if (!pairs.image.empty()) {
      const at::Tensor places =
          uncertain_points(logits.detach(), pairs.image, o.points, o.oversample, o.importance, i, points);
      const at::Tensor truth =
          sample_class_masks(targets.labels.index_select(0, image), label.unsqueeze(1), places).squeeze(1);
      std::tie(bce, dice) = mask_losses(sample_points(logits.unsqueeze(1), places).squeeze(1), truth,
                                        std::max(1.0, normalizers.masks));
      kept.points = places;
    }
    const std::string suffix = i == 0 ? "" : fmt::format("_{}", i - 1);
    losses.terms.insert(
        losses.terms.end(),
        {{"loss_ce" + suffix, ce}, {"loss_mask" + suffix, bce}, {"loss_dice" + suffix, dice}});
    losses.total = losses.total + o.class_weight * ce + o.mask_weight * bce + o.dice_weight * dice;
    if (keep_matchings) losses.matchings.push_back(std::move(kept));
  }
  return losses;
}

}  // namespace san
