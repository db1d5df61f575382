#include "train/verify_golden.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "checkpoint/formula.h"
#include "checkpoint/safetensors.h"
#include "train/golden_points.h"
#include "train/network.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace san {
namespace {

constexpr int kSteps = 5;
constexpr int kOfficialIterations = 60000;

// Collects comparisons by name.
class Checks {
 public:
  explicit Checks(const SafetensorsFile& file) : file_(file) {}

  using Order = at::Tensor (*)(const at::Tensor&);

  void compare(
      const std::string& check, const std::string& tensor, const at::Tensor& ours, double limit,
      bool relative, Order order = [](const at::Tensor& x) { return x; }) {
    const at::Tensor expected = order(tensor_of(file_.load(tensor)).to(at::kDouble));
    const at::Tensor actual = order(ours.detach().to(at::kCPU, at::kDouble));
    require(actual.sizes() == expected.sizes(), "{}: {} is {}, ours {}", file_.description(), tensor,
            shape_of(expected).str(), shape_of(actual).str());
    double deviation = (actual - expected).abs().max().item<double>();
    if (relative) deviation /= std::max(1e-30, expected.square().mean().sqrt().item<double>());
    GoldenCheck& entry = find(check, limit, relative);
    ++entry.count;
    if (!(deviation <= entry.deviation)) entry.deviation = deviation, entry.worst = tensor;
  }

  std::vector<GoldenCheck> take() { return std::move(checks_); }

 private:
  GoldenCheck& find(const std::string& name, double limit, bool relative) {
    const auto found = std::ranges::find(checks_, name, &GoldenCheck::name);
    if (found != checks_.end()) return *found;
    return checks_.emplace_back(GoldenCheck{name, "", 0, 0, limit, relative});
  }

  const SafetensorsFile& file_;
  std::vector<GoldenCheck> checks_;
};

FormulaSource formula_weights(const SanConfig& config) {
  return {declare_parameters(config), "", "formula:tiny"};
}

at::Tensor index_tensor(const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs, bool second) {
  std::vector<std::int64_t> values;
  for (const auto& [query, target] : pairs) values.push_back(second ? target : query);
  return at::tensor(values, at::kLong);
}

// [N, P, 2], the points of every row by their x
at::Tensor by_first_coordinate(const at::Tensor& points) {
  const at::Tensor order = std::get<1>(points.select(2, 0).sort(1));
  return points.gather(1, order.unsqueeze(-1).expand(points.sizes()));
}

void check_predictions_and_matching(Checks& checks, const std::vector<Prediction>& predictions,
                                    const Losses& losses) {
  const char* depths[] = {"final", "aux0"};
  for (std::size_t depth = 0; depth < 2; ++depth) {
    const Prediction& p = predictions[1 - depth];
    const std::string name = depths[depth];
    // float32 noise of the recording: 4.5e-4 at an rms of 15.
    checks.compare("class logits", "out/" + name + ".pred_logits", p.class_logits, 3e-4, true);
    checks.compare("mask logits", "out/" + name + ".pred_masks", p.mask_logits, 1e-4, true);
    const Matching& m = losses.matchings[depth];
    for (std::size_t image = 0; image < m.cost.size(); ++image) {
      const std::string key = fmt::format("match/{}.image{}.", name, image);
      checks.compare("cost matrices", key + "cost", m.cost[image], 3e-4, false);
      checks.compare("assignments", key + "query", index_tensor(m.query_and_target[image], false), 0, false);
      checks.compare("assignments", key + "target", index_tensor(m.query_and_target[image], true), 0, false);
    }
    // Which points were kept; among nearly equal ones rounding decides the order, and nothing depends on it.
    checks.compare("points", "points/" + name, m.points, 0, false, by_first_coordinate);
  }
}

void check_losses(Checks& checks, const Losses& losses, const CriterionOptions& o) {
  const std::map<std::string, double> weights{
      {"ce", o.class_weight}, {"mask", o.mask_weight}, {"dice", o.dice_weight}};
  for (const auto& [name, value] : losses.terms) {
    const std::string kind = name.substr(5, name.find('_', 5) - 5);
    checks.compare("losses", "loss_unweighted/" + name, value, 3e-5, true);
    checks.compare("weighted losses", "loss_weighted/" + name, value * weights.at(kind), 3e-5, true);
  }
  checks.compare("losses", "loss_total", losses.total, 3e-5, true);
}

}  // namespace

std::vector<GoldenCheck> verify_training_golden(const std::filesystem::path& path,
                                                const TorchOptions& given) {
  const auto file = SafetensorsFile::open(path);
  const auto inference = SafetensorsFile::open(path.parent_path() / "tiny.safetensors");
  require(file->metadata("vocabulary") == inference->metadata("vocabulary"),
          "{} and {} have different vocabularies", file->description(), inference->description());
  TorchOptions options = given;
  options.training = true;
  const auto backend = std::make_shared<TorchBackend>(options);
  const SanConfig config = SanConfig::tiny();
  TrainableSan network(backend, formula_weights(config), config);
  const at::Device device = backend->device();
  const at::Tensor text = tensor_of(inference->load("text_embed")).to(device);
  const at::Tensor images = normalized_images(
      at::stack({tensor_of(file->load("image0")), tensor_of(file->load("image1"))}).to(device));
  Targets targets = golden_targets(*file);
  targets.labels = targets.labels.to(device);

  CriterionOptions criterion_options;
  criterion_options.points = file->shape("rand/00")[1];
  TorchParameters& parameters = *backend->parameters();
  Optimizer optimizer(parameters, {});
  const Schedule schedule;
  Checks checks(*file);
  for (int step = 0; step < kSteps; ++step) {
    GoldenPoints points(step);
    optimizer.zero_grad();
    const std::vector<Prediction> predictions = network.forward(images, text);
    const Losses losses =
        criterion(predictions, targets, criterion_options,
                  local_normalizers(targets, config.queries, criterion_options), points, true);
    losses.total.backward();
    if (step == 0) {
      check_predictions_and_matching(checks, predictions, losses);
      check_losses(checks, losses, criterion_options);
      for (const std::string& name : parameters.trainable_names())
        checks.compare("gradients", "grad/" + name, parameters[name].grad(), 3e-3, true);
    }
    const at::Tensor norm = optimizer.norm();
    optimizer.step(schedule.factor(static_cast<double>(step) / kOfficialIterations), norm);
    if (step == 0) {
      checks.compare("gradient norm", "grad_norm", norm, 3e-4, true);
      // One step moves every element by about lr · sign(g): where g is tiny, rounding decides (1e-4 at most).
      for (const std::string& name : parameters.trainable_names())
        checks.compare("parameters after 1 step", "param_after/" + name, parameters[name], 1e-5, false);
    }
  }
  for (const std::string& name : parameters.trainable_names())
    if (file->contains("param_after_5_steps/" + name))
      checks.compare("parameters after 5 steps", "param_after_5_steps/" + name, parameters[name], 1e-5,
                     false);
  return checks.take();
}

}  // namespace san
