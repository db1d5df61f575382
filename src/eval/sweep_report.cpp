#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "embedded/sweep_page.h"
#include "eval/page.h"
#include "eval/sweep.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

json percent(double value) {
  return std::isnan(value) ? json(nullptr) : json(100 * value);
}

json percent(const Interval& i) {
  return {{"value", percent(i.value)}, {"low", percent(i.low)}, {"high", percent(i.high)}};
}

std::string percent_text(double value, bool sign = false) {
  if (std::isnan(value)) return "-";
  return sign ? fmt::format("{:+.1f}", 100 * value) : fmt::format("{:.1f}", 100 * value);
}

std::string interval_text(const Interval& i, bool sign = false) {
  if (std::isnan(i.value)) return "-";
  return fmt::format("{} ({} to {})", percent_text(i.value, sign), percent_text(i.low, sign),
                     percent_text(i.high, sign));
}

json data_of(const Sweep& sweep) {
  json rows = json::array();
  for (const SweepRow& r : sweep.rows) {
    json row{{"name", r.name},
             {"settings", r.settings},
             {"mIoU", percent(r.spread.miou)},
             {"mIoU_gain", percent(r.spread.miou_gain)},
             {"mBoundaryIoU", percent(r.spread.boundary)},
             {"mBoundaryIoU_gain", percent(r.spread.boundary_gain)}};
    if (sweep.has_split()) {
      row["mIoU_seen"] = percent(r.seen_miou), row["mIoU_unseen"] = percent(r.unseen_miou);
      row["mIoU_harmonic"] = percent(r.harmonic);
    }
    const auto error = r.reliability.expected_error();
    row["expected_calibration_error"] = error ? json(*error) : json(nullptr);
    if (error && r.curve.known())
      row["expected_calibration_error_of_probabilities"] = *r.reliability.expected_error(r.curve);
    row["ms_per_image"] = r.ms, row["cost"] = r.cost;
    rows.push_back(std::move(row));
  }
  return {{"dataset", sweep.dataset}, {"title", sweep.title},
          {"split", sweep.split},     {"predictor", sweep.predictor},
          {"images", sweep.pictures}, {"resamples", kSweepResamples},
          {"rows", std::move(rows)},  {"problems", sweep.problems.size()}};
}

std::string dump(const json& node, int indent = -1) {
  return node.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string sweep_text(const Sweep& sweep) {
  std::string out =
      fmt::format("{}, {}: {} images\n{}\n\n", sweep.title, sweep.split, sweep.pictures, sweep.predictor);
  const bool split = sweep.has_split();
  const bool calibrated = std::ranges::any_of(sweep.rows, [](const SweepRow& r) { return r.curve.known(); });
  out +=
      fmt::format("{:<28}{:>22}{:>24}{:>22}{:>24}{}{:>8}{}{:>10}{:>7}\n", "", "mIoU", "gain", "boundary mIoU",
                  "gain", split ? fmt::format("{:>8}{:>8}{:>10}", "seen", "unseen", "harmonic") : "", "ECE",
                  calibrated ? fmt::format("{:>8}", "of p") : "", "ms", "cost");
  const auto error_text = [](std::optional<double> error) {
    return error ? fmt::format("{:.3f}", *error) : "-";
  };
  for (const SweepRow& r : sweep.rows) {
    const bool first = &r == &sweep.rows.front();
    out += fmt::format(
        "{:<28}{:>22}{:>24}{:>22}{:>24}{}{:>8}{}{:>10.1f}{:>7.2f}\n", r.name, interval_text(r.spread.miou),
        first ? "" : interval_text(r.spread.miou_gain, true), interval_text(r.spread.boundary),
        first ? "" : interval_text(r.spread.boundary_gain, true),
        split ? fmt::format("{:>8}{:>8}{:>10}", percent_text(r.seen_miou), percent_text(r.unseen_miou),
                            percent_text(r.harmonic))
              : "",
        error_text(r.reliability.expected_error()),
        calibrated ? fmt::format("{:>8}", error_text(r.reliability.expected_error(r.curve))) : "", r.ms,
        r.cost);
  }
  out += fmt::format(
      "\nIn brackets the middle 95 % of {} draws of as many images with replacement; a gain whose interval "
      "holds 0 may be "
      "luck.\nECE: expected calibration error of the labels' scores{}.\nms: computing, an image in the mean; "
      "cost: an image's time over that of the first row, in the median.\n",
      kSweepResamples,
      calibrated ? ", and of the probabilities that they stand for by the model's curve" : "");
  if (!sweep.problems.empty()) out += "\nLeft out or noteworthy:\n" + describe_problems(sweep.problems);
  return out;
}

std::string sweep_json(const Sweep& sweep) {
  return dump(data_of(sweep), 1) + "\n";
}

std::string sweep_html(const Sweep& sweep) {
  return fill_page(embedded::sweep_page(), dump(data_of(sweep)));
}

void write_sweep(const Sweep& sweep, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
  write_file_atomically(folder / "sweep.json", sweep_json(sweep));
  write_file_atomically(folder / "sweep.html", sweep_html(sweep));
}

}  // namespace san
