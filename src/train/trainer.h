#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "train/checkpoint.h"
#include "train/gradient_sync.h"
#include "train/metrics_file.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/task.h"

namespace san {

struct RunOptions {
  std::filesystem::path out;  ///< folder of checkpoint, metrics, models and report
  std::int64_t steps = 0;     ///< optimiser steps of the whole run; 0: as many as fit `minutes`
  double minutes = 0;         ///< training time of the whole run, all processes together; 0: as `steps` take
  double max_minutes = 0;     ///< this process saves and stops after so long, within a step too; 0: never
  double patience_s = 600;    ///< how long the end of a run waits for room to save itself
  int accumulate = 1;         ///< batches per step
  std::int64_t log_every = 20, checkpoint_every = 1000, evaluate_every = 5000;  ///< steps; 0: only at the end
  bool resume = false, quiet = false;
  bool score_start = false;     ///< measures the model before its first step
  bool loss_scaling = false;    ///< for fp16
  std::function<double()> now;  ///< seconds; empty: the machine's steady clock
  std::string recipe;           ///< JSON that a resumed run must share
  /// Writes the report's sample predictions as a PNG; empty: the report has none.
  std::function<void(std::span<const SamplePicture>, const std::filesystem::path&)> draw_samples = {};
};

enum class RunOutcome { kFinished, kInterrupted, kOutOfTime };

/// Seconds of one step, by what they went into.
struct StepTimes {
  double data = 0, forward = 0, backward = 0, optimizer = 0;
};

/// Runs a task to its end: schedule, accumulation, checkpoints, metrics (metrics.jsonl), evaluation, best and
/// last model. A run that dies at any moment and is resumed goes on from its last checkpoint exactly as it
/// would have. Where the disk is full it warns, goes on and tries again; at its end it waits for room.
class Trainer {
 public:
  /// `communicator`: the processes that train together, each with its own share of every batch; must outlive
  /// the trainer.
  Trainer(TrainingTask& task, RunOptions run, const OptimizerOptions& optimizer, Schedule schedule,
          Communicator* communicator = nullptr);

  /// Throws Error when the loss or a gradient stops being finite, naming the op, and when the end of the run
  /// cannot be saved; the last checkpoint stays.
  RunOutcome run(const std::atomic<bool>& interrupted);
  /// One optimiser step of the started task, its times added up, and nothing written: what run() repeats.
  /// Returns the loss, this process's mean. `timed` waits for the device after every part.
  at::Tensor step(StepTimes& times, bool timed);

 private:
  /// How far the step in progress has come.
  struct Unfinished {
    int batches = 0, parts = 0;  ///< batches done, parts done of the next
    bool fetched = false;        ///< that next one is there
    std::string stream;          ///< where the data stood before it
    at::Tensor loss;
    bool any() const { return batches > 0 || parts > 0; }
  };
  enum class Measured { kStart, kPart, kAll };

  double progress() const;
  double elapsed_s() const;
  bool out_of_time() const;
  bool somebody_wants(bool stop);
  void agree(bool& stop);
  bool advance(StepTimes& times, bool timed, const std::function<bool()>& stop);
  void update(const at::Tensor& norm);
  void announce(double step_s, std::int64_t parts);
  void announce_when_steady(std::int64_t steps);
  [[noreturn]] void explain_nan();
  void resume();
  Checkpoint snapshot();
  void save();
  void save_for_good();
  void finish(RunOutcome outcome, const std::function<bool()>& interrupted);

  // trainer_output.cpp
  void export_model(const char* name);
  void log(double loss, const StepTimes& times, double images_per_s);
  std::string note(double loss, double images_per_s) const;
  void evaluate(Measured what, const std::function<bool()>& interrupted);
  void keep_if_best(double score);
  void report(bool sample);
  std::filesystem::path checkpoint_path() const { return run_.out / "last.checkpoint"; }

  TrainingTask& task_;
  RunOptions run_;
  Communicator alone_;
  Communicator& communicator_;
  Optimizer optimizer_;
  GradientSync sync_;
  Schedule schedule_;
  MetricsFile metrics_;
  Checkpoint state_;
  Unfinished unfinished_;
  StepLoss last_;
  double progress_ = 0;  ///< the same in all processes
  double last_norm_ = 0;
  std::string not_exported_;   ///< why a model file is missing
  double run_start_ = 0;       ///< of this process
  double training_start_ = 0;  ///< likewise, after the start was scored
  double elapsed_before_ = 0;
  std::int64_t parts_done_ = 0;  ///< by this process
  double second_step_ = 0;       ///< when it began
  bool announced_ = false;
};

}  // namespace san
