#include "train/trainer.h"

#include <torch/csrc/api/include/torch/cuda.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/bounded_json.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "train/forecast.h"

namespace san {
namespace {

constexpr double kFirstLossScale = 65536;
constexpr double kEnoughToAnnounce = 4;          // seconds: shorter runs are over before they are announced
constexpr std::int64_t kLossScaleGrowth = 2000;  // good steps before the scale doubles, as torch's GradScaler

double steady_seconds() {
  return seconds_since(Clock::time_point{});
}

// Terms of the same name are summed: those of a batch's parts are shares of the batch's.
void add_terms(StepLoss& sum, const StepLoss& part) {
  if (!sum.total.defined()) {
    sum = {part.total.detach(), part.terms};
    return;
  }
  sum.total = sum.total + part.total.detach();
  for (const auto& [name, value] : part.terms) {
    const auto found = std::ranges::find(sum.terms, name, [](const auto& term) { return term.first; });
    if (found == sum.terms.end())
      sum.terms.emplace_back(name, value);
    else
      found->second = found->second + value;
  }
}

}  // namespace

Trainer::Trainer(TrainingTask& task, RunOptions run, const OptimizerOptions& optimizer, Schedule schedule,
                 Communicator* communicator)
    : task_(task),
      run_(std::move(run)),
      communicator_(communicator ? *communicator : alone_),
      optimizer_(*task.backend().parameters(), optimizer),
      sync_(*task.backend().parameters(), optimizer_, communicator_),
      schedule_(schedule),
      metrics_(run_.out / "metrics.jsonl") {
  require(run_.steps > 0 || run_.minutes > 0,
          "training: give a number of steps or a time (MAX_ITER or MAX_MINUTES)");
  require(run_.accumulate >= 1, "training: {} batches per step", run_.accumulate);
  if (!run_.now) run_.now = steady_seconds;
  state_.loss_scale = run_.loss_scaling ? kFirstLossScale : 1;
  state_.recipe = run_.recipe;
}

double Trainer::progress() const {
  double part = 0;
  if (run_.steps > 0) part = static_cast<double>(state_.step) / static_cast<double>(run_.steps);
  if (run_.minutes > 0) part = std::max(part, elapsed_s() / (60 * run_.minutes));
  return std::min(1.0, part);
}

double Trainer::elapsed_s() const {
  return elapsed_before_ + run_.now() - training_start_;
}

bool Trainer::out_of_time() const {
  return run_.max_minutes > 0 && run_.now() - run_start_ >= 60 * run_.max_minutes;
}

bool Trainer::somebody_wants(bool stop) {
  if (communicator_.size() == 1) return stop;
  at::Tensor word = at::full({1}, stop ? 1.0 : 0.0, at::kDouble);
  communicator_.sum(word);
  return word.item<double>() > 0;
}

// Clocks and signals differ between processes: the first one's time counts, anyone's wish to stop.
void Trainer::agree(bool& stop) {
  progress_ = progress();
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
  if (saved.gradients.defined()) {
    require(saved.gradients.sizes() == optimizer_.gradients().sizes(),
            "{}: its unfinished step belongs to another recipe or model", checkpoint_path().string());
    at::Tensor(optimizer_.gradients()).copy_(saved.gradients);
    unfinished_.batches = saved.batches, unfinished_.parts = saved.parts;
    unfinished_.loss = at::full({}, saved.loss, optimizer_.gradients().options());
  }
  state_.parameters.clear(), state_.optimizer.clear(), state_.gradients = at::Tensor();
  const nlohmann::json streams =
      parse_bounded_json(saved.stream, checkpoint_path().string() + ": its place in the data");
  require(streams.is_array() && static_cast<int>(streams.size()) == communicator_.size(),
          "{}: written by {} processes; resume with as many, not {}", checkpoint_path().string(),
          streams.size(), communicator_.size());
  const nlohmann::json& own = streams[static_cast<std::size_t>(communicator_.rank())];
  require(own.is_string(), "{}: its place in the data is damaged", checkpoint_path().string());
  state_.stream = own.get<std::string>();
  elapsed_before_ = saved.elapsed_s;
  // What was logged after the checkpoint will be logged again.
  if (communicator_.first()) metrics_.cut(saved.metrics_bytes);
  log::info("resumed at step {} from {}", state_.step, checkpoint_path().string());
}

Checkpoint Trainer::snapshot() {
  Checkpoint now = state_;
  TorchParameters& parameters = *task_.backend().parameters();
  for (const std::string& name : parameters.names()) now.parameters[name] = parameters[name];
  now.optimizer = optimizer_.state();
  const bool inside_a_batch = unfinished_.fetched && unfinished_.any();
  now.stream =
      nlohmann::json(communicator_.gather(inside_a_batch ? unfinished_.stream : task_.stream_state())).dump();
  now.batches = unfinished_.batches, now.parts = unfinished_.parts, now.loss = 0;
  if (unfinished_.any()) {
    // The mean over processes: whoever goes on from it, averages come out the same.
    now.gradients = optimizer_.gradients().clone();
    communicator_.sum(now.gradients);
    now.gradients.div_(communicator_.size());
    at::Tensor loss = unfinished_.loss.clone();
    communicator_.sum(loss);
    now.loss = loss.item().toDouble() / communicator_.size();
  }
  now.elapsed_s = elapsed_s();
  now.metrics_bytes = metrics_.bytes();
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
      if (metrics_.flush()) now.metrics_bytes = metrics_.bytes();
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

void Trainer::explain_nan() {
  // The parameters are still those of the last good step: the same batch fails again, watched op by op.
  task_.backend().check_finite(true);
  optimizer_.zero_grad();
  try {
    for (int part = 0; part < task_.parts(); ++part)
      (task_.loss(state_.step, part).total * state_.loss_scale).backward();
  } catch (const Error& e) {
    fail("step {}: {}; the last checkpoint is {}", state_.step, e.what(), checkpoint_path().string());
  }
  fail(
      "step {}: the loss or a gradient is NaN or infinite, though no single op shows it; the last checkpoint "
      "is {}",
      state_.step, checkpoint_path().string());
}

at::Tensor Trainer::step(StepTimes& times, bool timed) {
  advance(times, timed, [] { return false; });
  return unfinished_.loss;
}

// One step, or its part until `stop` says so: what is done of it is kept, the next call goes on.
bool Trainer::advance(StepTimes& times, bool timed, const std::function<bool()>& stop) {
  Clock::time_point mark = Clock::now();
  const auto lap = [&](double& into) {
    if (timed && task_.backend().device().is_cuda())
      torch::cuda::synchronize(task_.backend().device().index());
    into += seconds_since(mark);
    mark = Clock::now();
  };
  if (!unfinished_.any()) {
    optimizer_.zero_grad();
    unfinished_.loss = at::zeros({}, optimizer_.gradients().options());
  }
  for (; unfinished_.batches < run_.accumulate; ++unfinished_.batches, unfinished_.parts = 0) {
    const int parts = task_.parts();
    if (!unfinished_.fetched) {
      unfinished_.stream = task_.stream_state();
      task_.fetch(progress_);
      unfinished_.fetched = true;
      last_ = {};
      lap(times.data);
    }
    for (; unfinished_.parts < parts; ++unfinished_.parts) {
      if (parts_done_ > 0 && unfinished_.any() && stop()) return false;
      const double start = run_.now();
      const StepLoss loss = task_.loss(state_.step, unfinished_.parts);
      lap(times.forward);
      if (unfinished_.batches + 1 == run_.accumulate && unfinished_.parts + 1 == parts) sync_.arm();
      (loss.total * (state_.loss_scale / run_.accumulate)).backward();
      unfinished_.loss = unfinished_.loss + loss.total.detach() / run_.accumulate;
      add_terms(last_, loss);
      lap(times.backward);
      ++parts_done_;
      const int all = parts * run_.accumulate;
      const double step_s = (run_.now() - start) * all;
      if (parts_done_ == 1 && all > 1 && step_s >= kEnoughToAnnounce) announce(step_s, all);
    }
    unfinished_.fetched = false;
  }
  sync_.finish();
  update(optimizer_.norm(state_.loss_scale));
  unfinished_.batches = unfinished_.parts = 0;
  lap(times.optimizer);
  return true;
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

// Once, as soon as there is something to say: what a step takes, when the run will be done, what to change.
void Trainer::announce(double step_s, std::int64_t parts) {
  if (!communicator_.first()) return;
  Pace pace;
  pace.step_s = step_s;
  pace.parts = parts;
  pace.steps_left = run_.steps > 0 ? run_.steps - state_.step : 0;
  pace.seconds_left = run_.minutes > 0 ? 60 * run_.minutes - elapsed_s() : 0;
  pace.limit_s = run_.max_minutes > 0 ? 60 * run_.max_minutes - (run_.now() - run_start_) : 0;
  log::info("{}", forecast(pace, static_cast<std::int64_t>(std::time(nullptr))));
}

// The first step warms up: caches fill, memory is asked for.
void Trainer::announce_when_steady(std::int64_t steps) {
  if (announced_ || steps < 2) {
    second_step_ = run_.now();
    return;
  }
  const double seconds = run_.now() - second_step_;
  if (seconds < kEnoughToAnnounce) return;
  announced_ = true;
  announce(seconds / static_cast<double>(steps - 1), task_.parts() * run_.accumulate);
}

void Trainer::finish(RunOutcome outcome, const std::function<bool()>& interrupted) {
  if (outcome == RunOutcome::kFinished) {
    save();
    evaluate(Measured::kAll, interrupted);
  } else if (communicator_.first()) {
    export_model("model.safetensors");
  }
  save_for_good();
  require(not_exported_.empty(), "{}; everything else is saved: make room and give --resume", not_exported_);
  if (!communicator_.first()) return;
  std::string place = fmt::format("step {}", state_.step);
  if (unfinished_.any())
    place +=
        fmt::format(" and {} of {} parts of the next",
                    unfinished_.batches * task_.parts() + unfinished_.parts, run_.accumulate * task_.parts());
  log::info("{} at {}: {}{}",
            outcome == RunOutcome::kFinished      ? "finished"
            : outcome == RunOutcome::kInterrupted ? "interrupted, saved"
                                                  : "out of time, saved",
            place, run_.out.string(),
            outcome == RunOutcome::kFinished ? ""
            : state_.step > 0                ? "; --resume goes on"
                                             : "; --resume goes on. No step was finished: the model is the "
                                               "one that training started from");
}

RunOutcome Trainer::run(const std::atomic<bool>& interrupted_flag) {
  std::filesystem::create_directories(run_.out);
  run_start_ = training_start_ = run_.now();
  if (run_.resume && std::filesystem::exists(checkpoint_path())) {
    resume();
  } else {
    require(!communicator_.first() || !std::filesystem::exists(checkpoint_path()),
            "{} holds a checkpoint: give --resume to go on from it, or another --out", run_.out.string());
    if (communicator_.first()) metrics_.remove();
  }
  const std::function<bool()> interrupted = [&] { return interrupted_flag || out_of_time(); };
  communicator_.broadcast(optimizer_.values());
  try {
    task_.start(state_.stream);
  } catch (const nlohmann::json::exception& e) {
    fail("{}: its place in the data is damaged: {}", checkpoint_path().string(), json_reason(e));
  }
  if (run_.score_start && state_.step == 0 && !state_.has_start) evaluate(Measured::kStart, interrupted);
  training_start_ = run_.now();
  const std::int64_t first_step = state_.step;
  Progress bar("training", run_.steps > 0 ? run_.steps - state_.step : 0,
               run_.quiet || !communicator_.first() || progress() >= 1);
  double since_log = run_.now();
  std::int64_t steps_since_log = 0;
  RunOutcome outcome = RunOutcome::kFinished;
  bool stop = false;
  while (true) {
    stop = stop || (interrupted() && parts_done_ > 0);
    agree(stop);
    if (progress_ >= 1) break;
    if (stop) {
      outcome = out_of_time() && !interrupted_flag ? RunOutcome::kOutOfTime : RunOutcome::kInterrupted;
      break;
    }
    if (state_.step > first_step) {
      if (run_.evaluate_every > 0 && state_.step % run_.evaluate_every == 0)
        evaluate(Measured::kPart, interrupted);
      if (run_.checkpoint_every > 0 && state_.step % run_.checkpoint_every == 0) save();
    }
    const bool logs = run_.log_every > 0 && (state_.step + 1) % run_.log_every == 0;
    StepTimes times;
    if (!advance(times, logs, [&] { return stop = somebody_wants(interrupted()); })) continue;
    at::Tensor loss = unfinished_.loss;
    ++steps_since_log;
    bar.advance();
    announce_when_steady(state_.step - first_step);
    if (!logs) continue;
    communicator_.sum(loss);
    const double mean = loss.item().toDouble() / communicator_.size(), seconds = run_.now() - since_log;
    const double images_per_s = static_cast<double>(steps_since_log * run_.accumulate * communicator_.size() *
                                                    task_.images_per_batch()) /
                                std::max(1e-9, seconds);
    log(mean, times, images_per_s);
    bar.advance(0, note(mean, images_per_s));
    since_log = run_.now(), steps_since_log = 0;
  }
  bar.finish();
  finish(outcome, interrupted);
  return outcome;
}

}  // namespace san
