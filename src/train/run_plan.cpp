#include "train/run_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/san.h"
#include "train/step_cost.h"

namespace san {
namespace {

constexpr std::int64_t kFloat = 4, kMega = 1'000'000;
constexpr std::int64_t kRuntime = 300 * kMega;  // libtorch, its threads' arenas, OpenCV, the program
// Measured against kept values: what libtorch keeps beside them (copies in other layouts, statistics) and
// what the backward pass holds for a moment.
constexpr double kOverhead = 1.3;
// Tensors of queries × points that the matching costs hold at once.
constexpr std::int64_t kMatchingTensors = 6;

StepCost cost_of(const Recipe& r, const SanConfig& config, int side, int classes, int pictures) {
  return step_cost(config, trainable_rule(r.model.trainable), {side, side}, pictures, classes);
}

}  // namespace

std::int64_t training_bytes(const Recipe& r, const SanConfig& config, int side, int classes,
                            int micro_batch) {
  const TrainableRule trained = trainable_rule(r.model.trainable);
  std::int64_t bytes = kRuntime;
  // Values; of trained ones the gradient and two moments too.
  for (const Declaration& d : declare_parameters(config))
    bytes += kFloat * d.shape.elements() * (trained(d.name) ? 4 : 1);
  const StepCost cost = cost_of(r, config, side, classes, micro_batch);
  bytes += static_cast<std::int64_t>(kOverhead * static_cast<double>(kFloat * cost.kept_values));
  bytes += kFloat * kMatchingTensors * micro_batch * config.queries * r.loss.points;
  const std::int64_t pixels = std::int64_t{side} * side;
  bytes += (r.data.ahead + 1) * r.batch * pixels * 5;  // bytes of colour and label
  bytes += r.batch * pixels * 3 * kFloat;              // the batch as the network sees it
  return bytes;
}

RunPlan plan_run(const Recipe& r, const SanConfig& config, int side, int classes, const PlanLimits& limits) {
  const std::int64_t macs = cost_of(r, config, side, classes, 1).total();
  // The rest of the machine wants to live too.
  const std::int64_t budget = limits.bytes > 0 ? std::max<std::int64_t>(1, limits.bytes / 10 * 7) : 0;
  const auto fits = [&](int pictures) {
    return (limits.macs == 0 || macs * pictures <= limits.macs) &&
           (budget == 0 || training_bytes(r, config, side, classes, pictures) <= budget);
  };
  RunPlan plan;
  plan.micro_batch = r.micro_batch > 0 ? std::min(r.micro_batch, r.batch) : r.batch;
  while (r.micro_batch == 0 && plan.micro_batch > 1 && !fits(plan.micro_batch))
    plan.micro_batch = (plan.micro_batch + 1) / 2;
  plan.macs_per_step = macs * r.batch * r.run.accumulate;
  plan.bytes = training_bytes(r, config, side, classes, plan.micro_batch);
  return plan;
}

std::string describe(const RunPlan& plan, const Recipe& r, int side) {
  const int pictures = r.batch * r.run.accumulate;
  return fmt::format(
      "{} picture{} of {}×{} a step, {} at once: {:.0f} G multiply-adds, about {:.1f} GB of memory", pictures,
      pictures == 1 ? "" : "s", side, side, plan.micro_batch, static_cast<double>(plan.macs_per_step) / 1e9,
      static_cast<double>(plan.bytes) / 1e9);
}

}  // namespace san
