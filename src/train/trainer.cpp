#include "train/trainer.h"

#include <torch/csrc/api/include/torch/cuda.h>

#include <cctype>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "train/report.h"

namespace san {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kFirstLossScale = 65536;
constexpr std::int64_t kLossScaleGrowth = 2000;  // good steps before the scale doubles, as torch's GradScaler

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Trainer::Trainer(TrainingTask& task, RunOptions run, const OptimizerOptions& optimizer, Schedule schedule,
                 Communicator* communicator)
    : task_(task),
      run_(std::move(run)),
      communicator_(communicator ? *communicator : alone_),
      optimizer_(*task.backend().parameters(), optimizer),
      sync_(*task.backend().parameters(), optimizer_, communicator_),
      schedule_(schedule) {
  require(run_.steps > 0 || run_.minutes > 0,
          "training: give a number of steps or a time (MAX_ITER or MAX_MINUTES)");
  require(run_.accumulate >= 1, "training: {} batches per step", run_.accumulate);
  state_.loss_scale = run_.loss_scaling ? kFirstLossScale : 1;
  state_.recipe = run_.recipe;
}

double Trainer::clock() const {
  if (run_.steps > 0) return static_cast<double>(state_.step) / static_cast<double>(run_.steps);
  return std::min(1.0, (elapsed_before_ + seconds_since(process_start_)) / (60 * run_.minutes));
}

// Clocks and signals differ between processes: the first one's time counts, anyone's wish to stop.
void Trainer::agree(bool& stop) {
  progress_ = clock();
  if (communicator_.size() == 1) return;
  at::Tensor word = at::zeros({2}, at::kDouble);
  word[0] = communicator_.first() ? progress_ : 0.0;
  word[1] = stop ? 1.0 : 0.0;
  communicator_.sum(word);
  progress_ = word[0].item<double>();
  stop = word[1].item<double>() > 0;
}

void Trainer::resume() {
  const Checkpoint saved = read_checkpoint(checkpoint_path());
  require(saved.recipe == run_.recipe,
          "{}: belongs to another recipe; give the one it was started with, or another --out. Its own is {}",
          checkpoint_path().string(), saved.recipe);
  const at::NoGradGuard guard;
  TorchParameters& parameters = *task_.backend().parameters();
  for (const std::string& name : parameters.names()) {
    const auto found = saved.parameters.find(name);
    require(found != saved.parameters.end() && found->second.sizes() == parameters[name].sizes(),
            "{}: lacks the parameter {}", checkpoint_path().string(), name);
    at::Tensor(parameters[name]).copy_(found->second);
  }
  optimizer_.load_state(saved.optimizer, saved.step - saved.skipped);
  state_ = saved;
  state_.parameters.clear(), state_.optimizer.clear();
  const nlohmann::json streams = nlohmann::json::parse(saved.stream, nullptr, false);
  require(streams.is_array() && static_cast<int>(streams.size()) == communicator_.size(),
          "{}: written by {} processes; resume with as many, not {}", checkpoint_path().string(),
          streams.size(), communicator_.size());
  state_.stream = streams[static_cast<std::size_t>(communicator_.rank())].get<std::string>();
  elapsed_before_ = saved.elapsed_s;
  // What was logged after the checkpoint will be logged again.
  if (communicator_.first() && metrics_bytes() > saved.metrics_bytes)
    std::filesystem::resize_file(metrics_path(), static_cast<std::uintmax_t>(saved.metrics_bytes));
  log::info("resumed at step {} from {}", state_.step, checkpoint_path().string());
}

Checkpoint Trainer::snapshot() {
  Checkpoint now = state_;
  TorchParameters& parameters = *task_.backend().parameters();
  for (const std::string& name : parameters.names()) now.parameters[name] = parameters[name];
  now.optimizer = optimizer_.state();
  now.stream = nlohmann::json(communicator_.gather(task_.stream_state())).dump();
  now.elapsed_s = elapsed_before_ + seconds_since(process_start_);
  now.metrics_bytes = metrics_bytes();
  return now;
}

void Trainer::save() {
  const Checkpoint now = snapshot();
  if (!communicator_.first()) return;
  try {
    write_checkpoint(checkpoint_path(), now);
  } catch (const Error& e) {
    log::warn("step {}: {}; training goes on, the checkpoint before is kept", state_.step, e.what());
  }
  report(false);
}

void Trainer::save_for_good() {
  Checkpoint now = snapshot();
  if (!communicator_.first()) return;
  constexpr auto kPause = std::chrono::milliseconds(500);
  const Clock::time_point start = Clock::now();
  for (bool warned = false;; warned = true) {
    try {
      if (flush_metrics()) now.metrics_bytes = metrics_bytes();
      write_checkpoint(checkpoint_path(), now);
      break;
    } catch (const Error& e) {
      if (seconds_since(start) > run_.patience_s)
        fail("{}: the steps since the checkpoint before are lost", e.what());
      if (!warned) log::warn("{}; make room: trying again for {:.0f} s", e.what(), run_.patience_s);
      std::this_thread::sleep_for(kPause);
    }
  }
  report(false);
}

// Best and last model: a run goes on without them.
void Trainer::export_model(const char* name) {
  not_exported_.clear();
  try {
    task_.export_model(run_.out / name);
  } catch (const Error& e) {
    not_exported_ = e.what();
    log::warn("step {}: {}", state_.step, not_exported_);
  }
}

// Lines are written whole or, once there is room again, later.
void Trainer::append_metrics(const std::string& record) {
  const bool news = pending_metrics_.empty();
  pending_metrics_ += record + '\n';
  if (!flush_metrics() && news) log::warn("{}: cannot be written; training goes on", metrics_path().string());
}

bool Trainer::flush_metrics() {
  if (pending_metrics_.empty()) return true;
  const std::int64_t before = metrics_bytes();
  std::ofstream file(metrics_path(), std::ios::app);
  file << pending_metrics_ << std::flush;
  if (file) return pending_metrics_.clear(), true;
  file.close();
  std::error_code ignored;
  std::filesystem::resize_file(metrics_path(), static_cast<std::uintmax_t>(before), ignored);
  return false;
}

std::int64_t Trainer::metrics_bytes() const {
  std::error_code absent;
  const std::uintmax_t bytes = std::filesystem::file_size(metrics_path(), absent);
  return absent ? 0 : static_cast<std::int64_t>(bytes);
}

void Trainer::explain_nan() {
  // The parameters are still those of the last good step: the same batch fails again, watched op by op.
  task_.backend().check_finite(true);
  optimizer_.zero_grad();
  try {
    (task_.loss(state_.step).total * state_.loss_scale).backward();
  } catch (const Error& e) {
    fail("step {}: {}; the last checkpoint is {}", state_.step, e.what(), checkpoint_path().string());
  }
  fail(
      "step {}: the loss or a gradient is NaN or infinite, though no single op shows it; the last checkpoint "
      "is {}",
      state_.step, checkpoint_path().string());
}

at::Tensor Trainer::step(StepTimes& times, bool timed) {
  Clock::time_point mark = Clock::now();
  const auto lap = [&](double& into) {
    if (timed && task_.backend().device().is_cuda())
      torch::cuda::synchronize(task_.backend().device().index());
    into += seconds_since(mark);
    mark = Clock::now();
  };
  optimizer_.zero_grad();
  at::Tensor sum;
  for (int i = 0; i < run_.accumulate; ++i) {
    task_.fetch(progress_);
    lap(times.data);
    last_ = task_.loss(state_.step);
    lap(times.forward);
    if (i + 1 == run_.accumulate) sync_.arm();
    (last_.total * (state_.loss_scale / run_.accumulate)).backward();
    const at::Tensor share = last_.total.detach() / run_.accumulate;
    sum = sum.defined() ? sum + share : share;
    lap(times.backward);
  }
  sync_.finish();
  update(optimizer_.norm(state_.loss_scale));
  lap(times.optimizer);
  return sum;
}

void Trainer::update(const at::Tensor& norm) {
  last_norm_ = norm.item().toDouble();
  const bool finite = std::isfinite(last_norm_);
  if (!finite && !(run_.loss_scaling && state_.loss_scale > 1)) explain_nan();
  if (finite) {
    optimizer_.step(schedule_.factor(progress_), norm);
  } else {
    ++state_.skipped;
  }
  if (run_.loss_scaling) {
    state_.loss_scale_age = finite ? state_.loss_scale_age + 1 : 0;
    if (!finite) state_.loss_scale /= 2;
    if (state_.loss_scale_age == kLossScaleGrowth) state_.loss_scale *= 2, state_.loss_scale_age = 0;
  }
  ++state_.step;
}

void Trainer::log(double loss, const StepTimes& times, double images_per_s) {
  if (!communicator_.first()) return;
  nlohmann::ordered_json record{{"step", state_.step},
                                {"progress", progress_},
                                {"loss", loss},
                                {"lr_factor", schedule_.factor(progress_)},
                                {"grad_norm", last_norm_}};
  for (const auto& [name, value] : last_.terms) record[name] = value.item().toDouble();
  record["images_per_s"] = images_per_s;
  record["data_ms"] = 1e3 * times.data, record["forward_ms"] = 1e3 * times.forward;
  record["backward_ms"] = 1e3 * times.backward, record["optimizer_ms"] = 1e3 * times.optimizer;
  if (run_.loss_scaling) record["loss_scale"] = state_.loss_scale, record["skipped_steps"] = state_.skipped;
  record["elapsed_s"] = elapsed_before_ + seconds_since(process_start_);
  append_metrics(record.dump());
}

// For the progress bar: the loss and its terms at the final output.
std::string Trainer::note(double loss, double images_per_s) const {
  std::string terms;
  for (const auto& [name, value] : last_.terms) {
    const bool earlier_output = !name.empty() && std::isdigit(static_cast<unsigned char>(name.back())) != 0;
    if (earlier_output) continue;
    const std::size_t prefix = name.starts_with("loss_") ? 5 : 0;
    terms +=
        fmt::format("{}{} {:.3f}", terms.empty() ? "" : ", ", name.substr(prefix), value.item().toDouble());
  }
  std::string text =
      fmt::format("step {}: loss {:.3f} ({}), {:.3g} images/s", state_.step, loss, terms, images_per_s);
  if (run_.steps == 0 && progress_ > 0) {
    const double elapsed_min = (elapsed_before_ + seconds_since(process_start_)) / 60;
    text += fmt::format(", {:.0f} min left", std::max(0.0, run_.minutes - elapsed_min));
  }
  return text;
}

// Never stops a run: what cannot be written is missing from the page.
void Trainer::report(bool sample) {
  if (!communicator_.first()) return;
  try {
    if (sample && run_.draw_samples)
      if (const std::vector<SamplePicture> samples = task_.samples(); !samples.empty()) {
        std::filesystem::create_directories(run_.out / "samples");
        run_.draw_samples(samples, run_.out / fmt::format("samples/step_{:08}.png", state_.step));
      }
    write_report(run_.out, run_.out.filename().string());
  } catch (const Error& e) {
    log::warn("{}", e.what());
  }
}

void Trainer::evaluate(bool last, const std::atomic<bool>& interrupted) {
  if (!communicator_.first()) return;
  const NamedValues values = task_.evaluate({last, run_.quiet, interrupted});
  export_model("model.safetensors");
  if (values.empty() && interrupted)
    log::info("step {}: evaluation interrupted, nothing recorded", state_.step);
  if (values.empty()) return report(!interrupted);
  nlohmann::ordered_json record{{"step", state_.step}, {"evaluation", true}};
  std::string line;
  for (const auto& [name, value] : values) {
    record[name] = value;
    line += fmt::format("{}{} {:.2f}", line.empty() ? "" : ", ", name, 100 * value);
  }
  // Kept with the record, so that the report has them after a resumption too.
  for (const auto& [name, value] : task_.class_values())
    record["classes"].push_back({name, std::isfinite(value) ? nlohmann::json(value) : nlohmann::json()});
  log::info("step {}: {}", state_.step, line);
  append_metrics(record.dump());
  report(true);
  if (state_.has_best && values[0].second <= state_.best) return;
  const std::string last_missing = not_exported_;
  export_model("best.safetensors");
  if (not_exported_.empty()) state_.best = values[0].second, state_.has_best = true;
  if (!last_missing.empty()) not_exported_ = last_missing;
}

RunOutcome Trainer::run(const std::atomic<bool>& interrupted) {
  std::filesystem::create_directories(run_.out);
  if (run_.resume && std::filesystem::exists(checkpoint_path())) {
    resume();
  } else {
    require(!communicator_.first() || !std::filesystem::exists(checkpoint_path()),
            "{} holds a checkpoint: give --resume to go on from it, or another --out", run_.out.string());
    if (communicator_.first()) std::filesystem::remove(metrics_path());
  }
  process_start_ = Clock::now();
  communicator_.broadcast(optimizer_.values());
  task_.start(state_.stream);
  const std::int64_t first_step = state_.step;
  Progress bar("training", run_.steps > 0 ? run_.steps - state_.step : 0,
               run_.quiet || !communicator_.first() || clock() >= 1);
  Clock::time_point since_log = Clock::now();
  std::int64_t steps_since_log = 0;
  RunOutcome outcome = RunOutcome::kFinished;
  while (true) {
    const bool out_of_time = run_.max_minutes > 0 && seconds_since(process_start_) > 60 * run_.max_minutes;
    bool stop = (interrupted || out_of_time) && state_.step > first_step;
    agree(stop);
    if (progress_ >= 1) break;
    if (stop) {
      outcome = out_of_time ? RunOutcome::kOutOfTime : RunOutcome::kInterrupted;
      break;
    }
    if (state_.step > first_step) {
      if (run_.evaluate_every > 0 && state_.step % run_.evaluate_every == 0) evaluate(false, interrupted);
      if (run_.checkpoint_every > 0 && state_.step % run_.checkpoint_every == 0) save();
    }
    const bool logs = run_.log_every > 0 && (state_.step + 1) % run_.log_every == 0;
    StepTimes times;
    at::Tensor loss = step(times, logs);
    ++steps_since_log;
    bar.advance();
    if (!logs) continue;
    communicator_.sum(loss);
    const double mean = loss.item().toDouble() / communicator_.size(), seconds = seconds_since(since_log);
    const double images_per_s = static_cast<double>(steps_since_log * run_.accumulate * communicator_.size() *
                                                    task_.images_per_batch()) /
                                std::max(1e-9, seconds);
    log(mean, times, images_per_s);
    bar.advance(0, note(mean, images_per_s));
    since_log = Clock::now(), steps_since_log = 0;
  }
  bar.finish();
  if (outcome == RunOutcome::kFinished) {
    save();
    evaluate(true, interrupted);
  } else if (communicator_.first()) {
    export_model("model.safetensors");
  }
  save_for_good();
  require(not_exported_.empty(), "{}; everything else is saved: make room and give --resume", not_exported_);
  if (communicator_.first())
    log::info("{} at step {}: {}",
              outcome == RunOutcome::kFinished      ? "finished"
              : outcome == RunOutcome::kInterrupted ? "interrupted, saved"
                                                    : "out of time, saved",
              state_.step, run_.out.string());
  return outcome;
}

}  // namespace san
