#pragma once
// What the trainer's tests train.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/atomic_file.h"
#include "base/hash.h"
#include "train/loader.h"
#include "train/trainer.h"

namespace san {

using nlohmann::json;

// Fits a small network to numbers that a stream of batches makes up; slow enough to be killed in the middle.
class ToyTask : public TrainingTask {
 public:
  explicit ToyTask(int pause_ms = 0, std::int64_t poisoned_step = -1)
      : backend_(std::make_shared<TorchBackend>(TorchOptions{"cpu", Precision::kF32, true})),
        pause_ms_(pause_ms),
        poisoned_step_(poisoned_step) {
    const Param bias = param("bias", {4});
    weight_ = backend_->prepare_linear(param("weight", {4, 6}), &bias);
  }
  TorchBackend& backend() override { return *backend_; }
  std::int64_t images_per_batch() const override { return 8; }
  void start(const std::string& stream) override {
    loader_.reset();
    if (!stream.empty()) consumed_ = json::parse(stream).at("next").get<std::uint64_t>();
    next_ = consumed_;
    loader_ = std::make_unique<Loader<Batch>>(
        Loader<Batch>::Source{
            [this] {
              auto batch = std::make_unique<Batch>();
              batch->index = next_++;
              batch->x = at::empty({8, 6});
              return batch;
            },
            [](Batch& batch, int slot) {
              for (int i = 0; i < 6; ++i)
                batch.x[slot][i] =
                    static_cast<double>(
                        splitmix64(batch.index * 100 + static_cast<std::uint64_t>(slot * 6 + i)) >> 40) *
                    0x1p-24;
            },
            8, 3},
        3, 4);
  }
  void fetch(double) override {
    batch_ = loader_->next();
    ++consumed_;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
  }
  int parts() const override { return parts_; }
  StepLoss loss(std::int64_t step, int part) override {
    const Backend::Scope scope(*backend_, "toy");
    at::Tensor x = batch_->x.narrow(0, part * (8 / parts_), 8 / parts_);
    clock_s_ += 60;
    losses_asked_.push_back(batch_->index * 10 + static_cast<std::uint64_t>(part));
    if (const auto found = events_.find(step); found != events_.end()) found->second();
    if (step == poisoned_step_) x = x * 1e30;
    const Tensor y = backend_->linear(TorchBackend::from_torch(x), weight_);
    const at::Tensor e = backend_->to_torch(backend_->activate(y, Activation::kExp));
    StepLoss out;
    out.total = (e - x.sum(1, true)).pow(2).mean() / parts_;
    out.terms = {{"loss_toy", out.total.detach()}};
    return out;
  }
  std::string stream_state() const override { return json{{"next", consumed_}}.dump(); }
  NamedValues evaluate(const EvaluationRun& run) override {
    if (interrupt_) *interrupt_ = true;
    if (run.interrupted()) return {};
    const auto i = static_cast<std::size_t>(evaluations_++);
    return {{"score", i < scores_.size() ? scores_[i] : 0.25}};
  }
  /// What the evaluations find, one after another; 0.25 after the last.
  void scores(std::vector<double> values) { scores_ = std::move(values); }
  /// Computes every batch in so many parts.
  void split(int parts) { parts_ = parts; }
  /// Batch · 10 + part of every loss so far.
  const std::vector<std::uint64_t>& losses_asked() const { return losses_asked_; }
  /// A clock on which every part takes a minute and nothing else any time.
  double clock_s() const { return clock_s_; }
  /// Called with the step's every batch.
  void at_step(std::int64_t step, std::function<void()> event) { events_[step] = std::move(event); }
  /// The next evaluation meets a Ctrl-C.
  void interrupt_evaluation(std::atomic<bool>* flag) { interrupt_ = flag; }
  void export_model(const std::filesystem::path& path) override {
    write_file_atomically(path, fmt::format("{:32}", evaluations_));
  }

 private:
  struct Batch {
    std::uint64_t index = 0;
    at::Tensor x;
  };
  static Param param(const std::string& name, const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.01f * static_cast<float>(i % 7);
    return {name, HostArray::from(shape, std::move(values)), true};
  }
  std::shared_ptr<TorchBackend> backend_;
  int pause_ms_;
  std::int64_t poisoned_step_;
  LinearWeight weight_;
  std::uint64_t next_ = 0, consumed_ = 0;
  int evaluations_ = 0, parts_ = 1;
  std::vector<double> scores_{0.5};
  std::vector<std::uint64_t> losses_asked_;
  double clock_s_ = 0;
  std::atomic<bool>* interrupt_ = nullptr;
  std::map<std::int64_t, std::function<void()>> events_;
  std::unique_ptr<Batch> batch_;
  std::unique_ptr<Loader<Batch>> loader_;
};

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() : root_(std::filesystem::temp_directory_path() / fmt::format("san_trainer_{}", ::getpid())) {
    std::filesystem::remove_all(root_);
  }
  ~TrainerTest() override { std::filesystem::remove_all(root_); }

  RunOptions options(const std::string& name) const {
    RunOptions o;
    o.out = root_ / name;
    o.steps = 60, o.log_every = 1, o.checkpoint_every = 7, o.evaluate_every = 20, o.quiet = true;
    o.accumulate = 2;
    o.recipe = R"({"SEED":1})";
    return o;
  }
  static RunOutcome train(ToyTask& task, const RunOptions& run) {
    static const std::atomic<bool> never{false};
    OptimizerOptions optimizer;
    optimizer.lr = 0.02;
    return Trainer(task, run, optimizer, {}).run(never);
  }
  static std::vector<double> losses(const RunOptions& run) {
    std::vector<double> values;
    std::ifstream file(run.out / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) {
      const json record = json::parse(line);
      if (!record.contains("evaluation")) values.push_back(record["loss"].get<double>());
    }
    return values;
  }
  static std::map<std::string, at::Tensor> parameters(const RunOptions& run) {
    return read_checkpoint(run.out / "last.checkpoint").parameters;
  }

  std::filesystem::path root_;
};

}  // namespace san
