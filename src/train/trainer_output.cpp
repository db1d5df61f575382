// What a run leaves beside its checkpoint: metrics, models, report.
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "train/report.h"
#include "train/trainer.h"

namespace san {

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
  record["elapsed_s"] = elapsed_s();
  metrics_.append(record.dump());
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
  if (run_.minutes > 0 && progress_ > 0) {
    text += fmt::format(", {:.0f} min left", std::max(0.0, run_.minutes - elapsed_s() / 60));
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

void Trainer::evaluate(Measured what, const std::function<bool()>& interrupted) {
  if (!communicator_.first()) return;
  const NamedValues values = task_.evaluate({what != Measured::kPart, run_.quiet, interrupted});
  export_model("model.safetensors");
  if (values.empty() && interrupted())
    log::info("step {}: evaluation interrupted, nothing recorded", state_.step);
  if (values.empty()) return report(!interrupted());
  nlohmann::ordered_json record{{"step", state_.step}, {"evaluation", true}};
  std::string line;
  for (const auto& [name, value] : values) {
    record[name] = value;
    line += fmt::format("{}{} {:.2f}", line.empty() ? "" : ", ", name, 100 * value);
  }
  // Kept with the record, so that the report has them after a resumption too.
  for (const auto& [name, value] : task_.class_values())
    record["classes"].push_back({name, std::isfinite(value) ? nlohmann::json(value) : nlohmann::json()});
  const auto& [name, score] = values[0];
  if (what == Measured::kStart) {
    if (std::isfinite(score)) state_.start = score, state_.has_start = true;
    log::info("before training: {}", line);
  } else if (state_.has_start) {
    log::info("step {}: {}; {} {:.2f} before training, {:+.2f}", state_.step, line, name, 100 * state_.start,
              100 * (score - state_.start));
  } else {
    log::info("step {}: {}", state_.step, line);
  }
  metrics_.append(record.dump());
  report(true);
  keep_if_best(score);
}

// A score that is no number (no labelled pixel among the pictures) is neither good nor bad.
void Trainer::keep_if_best(double score) {
  if (!std::isfinite(score)) {
    log::warn("step {}: the score is not a number: the held-out pictures show none of the classes; {}",
              state_.step,
              state_.has_best ? "best.safetensors stays" : "there is no best.safetensors without one");
    return;
  }
  if (state_.has_best && score <= state_.best) return;
  const std::string last_missing = not_exported_;
  export_model("best.safetensors");
  if (not_exported_.empty()) state_.best = score, state_.has_best = true;
  if (!last_missing.empty()) not_exported_ = last_missing;
}

}  // namespace san
