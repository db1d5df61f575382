// Loss scaling, as fp16 needs it, proven with gradients that really pass through fp16: conversions to and
// from it work on every processor, products do not.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "train/trainer.h"

namespace san {
namespace {

using nlohmann::json;

constexpr double kFirstScale = 65536;
constexpr double kLargestHalf = 65504, kSmallestHalf = 0x1p-24;

// The loss is factor(step) · Σ x·w, and x·w is an fp16 number: the gradient that reaches it, factor · scale,
// has to fit fp16. That of w is factor · x.
class HalfTask : public TrainingTask {
 public:
  explicit HalfTask(std::function<double(std::int64_t)> factor)
      : backend_(std::make_shared<TorchBackend>(TorchOptions{"cpu", Precision::kF32, true})),
        factor_(std::move(factor)) {
    const Param weight{"weight", HostArray::from({4, 1}, std::vector<float>{0.5f, -0.25f, 1, 2}), true};
    backend_->prepare_linear(weight, nullptr);
  }
  TorchBackend& backend() override { return *backend_; }
  std::int64_t images_per_batch() const override { return 1; }
  void start(const std::string&) override {}
  void fetch(double) override {}
  StepLoss loss(std::int64_t step, int) override {
    const at::Tensor x = at::tensor({1.0f, 2.0f, -0.5f, 0.25f}).view({4, 1});
    const at::Tensor y = ((*backend_->parameters())["weight"] * x).to(at::kHalf).to(at::kFloat);
    return {y.sum() * factor_(step), {}};
  }
  std::string stream_state() const override { return "{}"; }
  NamedValues evaluate(const EvaluationRun&) override { return {}; }
  void export_model(const std::filesystem::path&) override {}

 private:
  std::shared_ptr<TorchBackend> backend_;
  std::function<double(std::int64_t)> factor_;
};

class LossScale : public ::testing::Test {
 protected:
  LossScale() : root_(std::filesystem::temp_directory_path() / fmt::format("san_loss_scale_{}", ::getpid())) {
    std::filesystem::remove_all(root_);
  }
  ~LossScale() override { std::filesystem::remove_all(root_); }

  // How a run of so many steps ended, and the line that each left.
  struct Run {
    Checkpoint end;
    std::vector<json> lines;
    const at::Tensor& weight() const { return end.parameters.at("weight"); }
  };
  Run train(const std::string& name, std::int64_t steps, const std::function<double(std::int64_t)>& factor,
            bool scaling = true, bool resume = false) {
    RunOptions o;
    o.out = root_ / name;
    o.steps = steps, o.log_every = 1, o.checkpoint_every = 0, o.evaluate_every = 0;
    o.quiet = true, o.loss_scaling = scaling, o.resume = resume, o.recipe = "{}";
    OptimizerOptions optimizer;
    optimizer.lr = 1e-3, optimizer.clip_norm = clip_norm_;
    HalfTask task(factor);
    Schedule constant;
    constant.kind = Schedule::parse("constant");
    const std::atomic<bool> never{false};
    Trainer(task, o, optimizer, constant).run(never);
    Run run{read_checkpoint(o.out / "last.checkpoint"), {}};
    std::ifstream file(o.out / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) run.lines.push_back(json::parse(line));
    return run;
  }

  double clip_norm_ = 0.01;
  std::filesystem::path root_;
};

double one(std::int64_t) {
  return 0.5;
}

TEST_F(LossScale, StepsWhoseGradientOverflowsAreSkippedAndHalveTheScale) {
  // 5 · 65536 and 5 · 32768, 5 · 16384 are beyond fp16; 5 · 8192 is not.
  const Run run = train("overflow", 6, [](std::int64_t) { return 5.0; });
  std::vector<double> scales, skipped;
  for (const json& line : run.lines)
    scales.push_back(line["loss_scale"].get<double>()),
        skipped.push_back(line["skipped_steps"].get<double>());
  EXPECT_EQ(scales, (std::vector<double>{32768, 16384, 8192, 8192, 8192, 8192}));
  EXPECT_EQ(skipped, (std::vector<double>{1, 2, 3, 3, 3, 3}));
  ASSERT_LE(5 * 8192, kLargestHalf);
  EXPECT_EQ(run.end.step, 6);
  // The three good steps, and nothing of the others: moments, counts and weights.
  const Run unscaled = train(
      "unscaled", 3, [](std::int64_t) { return 5.0; }, false);
  EXPECT_TRUE(at::equal(run.weight(), unscaled.weight()));
  for (const auto& [name, value] : run.end.optimizer)
    EXPECT_TRUE(at::equal(value, unscaled.end.optimizer.at(name))) << name;
}

TEST_F(LossScale, ASingleOverflowLosesThatStepAlone) {
  const auto factor = [](std::int64_t step) { return step == 3 ? 1e6 : 0.5; };
  const Run run = train("single", 8, factor);
  EXPECT_TRUE(at::equal(run.weight(), train("seven", 7, one, false).weight()));
  EXPECT_EQ(run.end.loss_scale, kFirstScale / 2);
  EXPECT_EQ(run.end.loss_scale_age, 4);
}

TEST_F(LossScale, ClipsAndReportsTheNormWithoutTheScale) {
  for (const double clip : {0.01, 0.0, 100.0}) {
    clip_norm_ = clip;
    const Run scaled = train(fmt::format("scaled{}", clip), 5, one),
              plain = train(fmt::format("plain{}", clip), 5, one, false);
    // ‖0.5 · (1, 2, −0.5, 0.25)‖
    EXPECT_NEAR(scaled.lines[0]["grad_norm"].get<double>(), 0.5 * std::sqrt(5.3125), 1e-6);
    // Scales are powers of two: dividing by them rounds nothing.
    EXPECT_TRUE(at::equal(scaled.weight(), plain.weight())) << clip;
    for (const auto& [name, value] : plain.end.optimizer)
      EXPECT_TRUE(at::equal(scaled.end.optimizer.at(name), value)) << name << ", clipped at " << clip;
  }
}

TEST_F(LossScale, KeepsGradientsThatFp16WouldLose) {
  const double tiny = kSmallestHalf / 8;
  const auto factor = [tiny](std::int64_t) { return tiny; };
  EXPECT_EQ(train("lost", 1, factor, false).lines[0]["grad_norm"].get<double>(), 0);
  EXPECT_NEAR(train("kept", 1, factor).lines[0]["grad_norm"].get<double>(), tiny * std::sqrt(5.3125),
              1e-6 * tiny);
}

TEST_F(LossScale, DoublesAfterTwoThousandGoodStepsThroughAResume) {
  const auto small = [](std::int64_t) { return 0.25; };  // leaves room for one doubling, and no second
  Run run = train("growth", 1999, small);
  EXPECT_EQ(run.end.loss_scale, kFirstScale);
  EXPECT_EQ(run.end.loss_scale_age, 1999);
  run = train("growth", 2000, small, true, true);
  EXPECT_EQ(run.end.loss_scale, 2 * kFirstScale);
  EXPECT_EQ(run.end.loss_scale_age, 0);
  run = train("growth", 4001, small, true, true);
  EXPECT_EQ(run.end.loss_scale, 2 * kFirstScale) << "doubled to where fp16 overflows, and halved again";
  EXPECT_EQ(run.end.loss_scale_age, 0);
  ASSERT_EQ(run.lines.size(), 4001u);
  EXPECT_EQ(run.lines[3999]["loss_scale"], 4 * kFirstScale);
  EXPECT_EQ(run.lines[4000]["skipped_steps"], 1);
}

TEST_F(LossScale, AResumedRunIsBitIdenticalAfterSkippedSteps) {
  const auto factor = [](std::int64_t step) { return step % 3 == 0 ? 1e6 : 0.5; };
  const Run whole = train("whole", 12, factor);
  train("parts", 5, factor);
  const Run parts = train("parts", 12, factor, true, true);
  EXPECT_TRUE(at::equal(parts.weight(), whole.weight()));
  EXPECT_EQ(parts.end.loss_scale, whole.end.loss_scale);
  for (const auto& [name, value] : whole.end.optimizer)
    EXPECT_TRUE(at::equal(parts.end.optimizer.at(name), value)) << name;
  ASSERT_EQ(parts.lines.size(), whole.lines.size());
  for (std::size_t i = 0; i < whole.lines.size(); ++i)
    EXPECT_EQ(parts.lines[i]["skipped_steps"], whole.lines[i]["skipped_steps"]) << "step " << i;
}

TEST_F(LossScale, WhatNoScaleCuresStopsTheRun) {
  EXPECT_THROW(train("hopeless", 100, [](std::int64_t step) { return step < 4 ? 0.5 : HUGE_VAL; }), Error);
  std::ifstream file(root_ / "hopeless/metrics.jsonl");
  std::size_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  EXPECT_EQ(lines, 4u + 16u) << "halved from 2¹⁶ to 1, then given up";
}

}  // namespace
}  // namespace san
