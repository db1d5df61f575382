#pragma once
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "train/checkpoint.h"
#include "train/gradient_sync.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/task.h"

namespace san {

struct RunOptions {
  std::filesystem::path out;  ///< folder of checkpoint, metrics, models and report
  std::int64_t steps = 0;     ///< optimiser steps of the whole run; 0: as many as fit `minutes`
  double minutes = 0;         ///< training time of the whole run, all processes together, when `steps` is 0
  double max_minutes = 0;     ///< this process saves and stops after so long; 0: never
  double patience_s = 600;    ///< how long the end of a run waits for room to save itself
  int accumulate = 1;         ///< batches per step
  std::int64_t log_every = 20, checkpoint_every = 1000, evaluate_every = 5000;  ///< steps; 0: only at the end
  bool resume = false, quiet = false;
  bool loss_scaling = false;  ///< for fp16
  std::string recipe;         ///< JSON that a resumed run must share
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
  double clock() const;
  void agree(bool& stop);
  void resume();
  Checkpoint snapshot();
  void save();
  void save_for_good();
  void export_model(const char* name);
  void append_metrics(const std::string& record);
  bool flush_metrics();
  std::int64_t metrics_bytes() const;
  std::string note(double loss, double images_per_s) const;
  void update(const at::Tensor& norm);
  [[noreturn]] void explain_nan();
  void log(double loss, const StepTimes& times, double images_per_s);
  void evaluate(bool last, const std::atomic<bool>& interrupted);
  void report(bool sample);
  std::filesystem::path metrics_path() const { return run_.out / "metrics.jsonl"; }
  std::filesystem::path checkpoint_path() const { return run_.out / "last.checkpoint"; }

  TrainingTask& task_;
  RunOptions run_;
  Communicator alone_;
  Communicator& communicator_;
  Optimizer optimizer_;
  GradientSync sync_;
  Schedule schedule_;
  Checkpoint state_;
  StepLoss last_;
  double progress_ = 0;  ///< the same in all processes
  double last_norm_ = 0;
  std::string pending_metrics_;  ///< lines the disk had no room for
  std::string not_exported_;     ///< why a model file is missing
  std::chrono::steady_clock::time_point process_start_{};
  double elapsed_before_ = 0;
};

}  // namespace san
