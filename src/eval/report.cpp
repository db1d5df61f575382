#include "eval/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/error.h"
#include "embedded/report_page.h"
#include "eval/page.h"
#include "eval/published.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr std::size_t kPairLimit = 60, kProblemFilesPerKind = 50;

json percent(std::optional<double> value) {
  if (!value || std::isnan(*value)) return nullptr;
  return 100 * *value;
}

std::string percent_text(std::optional<double> value) {
  return value && !std::isnan(*value) ? fmt::format("{:.2f}", 100 * *value) : "-";
}

bool has_split(const Evaluation& e) {
  return !e.seen.empty() && !e.unseen.empty();
}

json headline(const Evaluation& e, const Metrics& m) {
  json out{{"mIoU", percent(m.miou)},   {"mIoU_detectron2_v0.6", percent(m.miou_v06)},
           {"fwIoU", percent(m.fwiou)}, {"mACC", percent(m.macc)},
           {"pACC", percent(m.pacc)},   {"mBoundaryIoU", percent(m.boundary_miou)}};
  if (has_split(e)) {
    const SplitMetrics s = split_metrics(m, e.seen, e.unseen);
    out["mIoU_seen"] = percent(s.seen_miou);
    out["mIoU_unseen"] = percent(s.unseen_miou);
    out["mIoU_harmonic"] = percent(s.harmonic);
  }
  return out;
}

/// Nothing where no scores were known.
json calibration_json(const Evaluation& e) {
  const Reliability& r = e.reliability;
  const Reliability::Bin all = r.total();
  if (all.pixels == 0) return nullptr;
  json bins = json::array();
  for (std::size_t b = 0; b < r.bins.size(); ++b) {
    if (r.bins[b].pixels == 0) continue;
    bins.push_back({{"from", static_cast<double>(b) / Reliability::kBins},
                    {"to", static_cast<double>(b + 1) / Reliability::kBins},
                    {"pixels", r.bins[b].pixels},
                    {"score", r.bins[b].mean_score()},
                    {"accuracy", r.bins[b].accuracy()}});
  }
  json out{{"expected_error", *r.expected_error()},
           {"score", all.mean_score()},
           {"accuracy", all.accuracy()},
           {"pixels", all.pixels},
           {"bins", std::move(bins)}};
  if (e.curve.known()) {
    out["curve"] = {{"a", e.curve.a}, {"b", e.curve.b}};
    out["expected_error_of_probabilities"] = *r.expected_error(e.curve);
  }
  return out;
}

json speed_json(const Speed& s) {
  return {
      {"images", s.predicted},
      {"wall_seconds", s.wall_seconds},
      {"predict_ms_per_image",
       s.predicted > 0 ? json(1000 * s.predict_seconds / static_cast<double>(s.predicted)) : json(nullptr)}};
}

json problems_json(const std::vector<Problem>& problems) {
  std::map<ProblemKind, std::vector<const Problem*>> kinds;
  for (const auto& problem : problems) kinds[problem.kind].push_back(&problem);
  json out = json::array();
  for (const auto& [kind, list] : kinds) {
    json files = json::array();
    for (std::size_t i = 0; i < std::min(kProblemFilesPerKind, list.size()); ++i)
      files.push_back({{"file", list[i]->path.string()}, {"detail", list[i]->detail}});
    out.push_back({{"kind", problem_name(kind)}, {"count", list.size()}, {"files", std::move(files)}});
  }
  return out;
}

/// The largest off-diagonal cells: what is taken for what.
json confusion_pairs(const Evaluation& e, const Metrics& m) {
  const int n = e.confusion.classes();
  struct Pair {
    std::uint64_t pixels;
    int truth, predicted;
  };
  std::vector<Pair> pairs;
  for (int t = 0; t < n; ++t)
    for (int p = 0; p <= n; ++p)
      if (p != t && e.confusion.at(p, t) > 0) pairs.push_back({e.confusion.at(p, t), t, p});
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &Pair::pixels);
  pairs.resize(std::min(pairs.size(), kPairLimit));
  json out = json::array();
  for (const auto& pair : pairs) {
    const auto truth = static_cast<std::size_t>(pair.truth),
               predicted = static_cast<std::size_t>(pair.predicted);
    out.push_back({{"truth", e.classes[truth]},
                   {"predicted", pair.predicted == n ? "(no class)" : e.classes[predicted]},
                   {"pixels", pair.pixels},
                   {"share_of_truth", 100.0 * static_cast<double>(pair.pixels) /
                                          static_cast<double>(m.classes[truth].truth_pixels)}});
  }
  return out;
}

json published_json(const std::vector<PublishedResult>& results) {
  json out = json::array();
  for (const auto& r : results)
    out.push_back({{"model", r.model},
                   {"mIoU", r.miou},
                   {"fwIoU", r.fwiou},
                   {"mACC", r.macc},
                   {"pACC", r.pacc},
                   {"source", r.source}});
  return out;
}

/// Published numbers are of the validation split of the whole dataset.
std::vector<PublishedResult> comparable(const Evaluation& e) {
  if (e.split != "val") return {};
  return published_results(e.dataset, e.confusion.classes());
}

std::string what(const Evaluation& e) {
  std::string out = fmt::format("{}, {}: {} images", e.title, e.split, e.images.size());
  if (e.shard_count > 1) out += fmt::format(" (shard {} of {})", fmt::join(e.shards, ", "), e.shard_count);
  return out;
}

json page_data(const Evaluation& e) {
  const Metrics m = e.metrics();
  const auto published = comparable(e);
  const double total = std::accumulate(
      m.classes.begin(), m.classes.end(), 0.0,
      [](double sum, const ClassMetrics& c) { return sum + static_cast<double>(c.truth_pixels); });
  json classes = json::array();
  for (std::size_t c = 0; c < e.classes.size(); ++c) {
    const auto& k = m.classes[c];
    const auto in = [c](const std::vector<int>& list) {
      return std::ranges::find(list, static_cast<int>(c)) != list.end();
    };
    json others = json::array();
    for (const auto& r : published) others.push_back(r.class_iou[c] ? json(*r.class_iou[c]) : json(nullptr));
    classes.push_back({{"name", e.classes[c]},
                       {"iou", percent(k.iou)},
                       {"acc", percent(k.accuracy)},
                       {"boundary", percent(k.boundary_iou)},
                       {"share", total > 0 ? 100 * static_cast<double>(k.truth_pixels) / total : 0.0},
                       {"published", std::move(others)},
                       {"group", in(e.seen)     ? "seen"
                                 : in(e.unseen) ? "unseen"
                                                : ""}});
  }
  const auto examples = [](const std::vector<Example>& list) {
    const auto uri = [](const std::string& jpeg) { return "data:image/jpeg;base64," + base64_encode(jpeg); };
    json out = json::array();
    for (const auto& x : list)
      out.push_back({{"stem", x.score.stem},
                     {"miou", 100 * x.score.miou},
                     {"pacc", 100 * x.score.pacc},
                     {"picture", uri(x.picture)},
                     {"truth", uri(x.truth)},
                     {"prediction", uri(x.prediction)}});
    return out;
  };
  std::vector<int> histogram(20);
  for (const auto& image : e.images)
    ++histogram[static_cast<std::size_t>(std::clamp(static_cast<int>(image.miou * 20), 0, 19))];
  return {{"what", what(e)},
          {"predictor", e.predictor},
          {"settings", e.settings},
          {"headline", headline(e, m)},
          {"classes", std::move(classes)},
          {"pairs", confusion_pairs(e, m)},
          {"best", examples(e.best)},
          {"worst", examples(e.worst)},
          {"histogram", histogram},
          {"problems", problems_json(e.problems)},
          {"published", published_json(published)},
          {"calibration", calibration_json(e)},
          {"speed", speed_json(e.speed)}};
}

std::string dump(const json& node, int indent = -1) {
  return node.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

}  // namespace

std::string report_text(const Evaluation& e, bool all_classes) {
  const Metrics m = e.metrics();
  std::string out = fmt::format("{}\n{}\n\n{:<34}{:>8}{:>8}{:>8}{:>8}\n", what(e), e.predictor, "", "mIoU",
                                "fwIoU", "mACC", "pACC");
  out += fmt::format("{:<34}{:>8}{:>8}{:>8}{:>8}\n", "this run", percent_text(m.miou), percent_text(m.fwiou),
                     percent_text(m.macc), percent_text(m.pacc));
  for (const auto& r : comparable(e))
    out += fmt::format("{:<34}{:>8.2f}{:>8.2f}{:>8.2f}{:>8.2f}\n", r.model + " (published)", r.miou, r.fwiou,
                       r.macc, r.pacc);
  out += fmt::format("\nmIoU as detectron2 v0.6 divides it: {}; mean boundary IoU: {}\n",
                     percent_text(m.miou_v06), percent_text(m.boundary_miou));
  if (has_split(e)) {
    const SplitMetrics s = split_metrics(m, e.seen, e.unseen);
    out += fmt::format("seen classes: {}; unseen: {}; harmonic mean: {}\n", percent_text(s.seen_miou),
                       percent_text(s.unseen_miou), percent_text(s.harmonic));
  }
  if (const auto error = e.reliability.expected_error()) {
    const Reliability::Bin all = e.reliability.total();
    out += fmt::format(
        "label scores: {:.3f} in the mean, {:.3f} of the labels are right; expected calibration error: "
        "{:.3f}\n",
        all.mean_score(), all.accuracy(), *error);
    if (e.curve.known())
      out += fmt::format("as probabilities, {:.4g}·score^{:.4g}: expected calibration error {:.3f}\n",
                         e.curve.a, e.curve.b, *e.reliability.expected_error(e.curve));
  }

  std::vector<std::size_t> order;
  for (std::size_t c = 0; c < m.classes.size(); ++c)
    if (m.classes[c].iou) order.push_back(c);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t c) { return *m.classes[c].iou; });
  constexpr std::size_t kWhole = 60, kEnds = 15;
  const bool whole = all_classes || order.size() <= kWhole;
  out += fmt::format("\n{:<40}{:>8}{:>8}{:>10}\n", "class", "IoU", "ACC", "boundary");
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!whole && i == kEnds) {
      out += fmt::format("... {} classes between ...\n", order.size() - 2 * kEnds);
      i = order.size() - kEnds;
    }
    const auto& k = m.classes[order[i]];
    out += fmt::format("{:<40.39}{:>8}{:>8}{:>10}\n", e.classes[order[i]], percent_text(k.iou),
                       percent_text(k.accuracy), percent_text(k.boundary_iou));
  }
  if (const auto absent = m.classes.size() - order.size(); absent > 0)
    out += fmt::format("{} classes have no true pixel\n", absent);
  if (!e.problems.empty()) out += "\nLeft out or noteworthy:\n" + describe_problems(e.problems);
  return out;
}

std::string report_json(const Evaluation& e) {
  const Metrics m = e.metrics();
  json out{{"dataset", e.dataset},      {"split", e.split},         {"predictor", e.predictor},
           {"settings", e.settings},    {"shards", e.shards},       {"shard_count", e.shard_count},
           {"images", e.images.size()}, {"results", headline(e, m)}};
  // The headline once more under plain keys, for scripts.
  out["miou"] = percent(m.miou);
  out["miou_v06"] = percent(m.miou_v06);
  if (has_split(e)) {
    const SplitMetrics s = split_metrics(m, e.seen, e.unseen);
    out["miou_seen"] = percent(s.seen_miou);
    out["miou_unseen"] = percent(s.unseen_miou);
    out["miou_harmonic"] = percent(s.harmonic);
  }
  json& results = out["results"];
  for (std::size_t c = 0; c < e.classes.size(); ++c) {
    results["IoU-" + e.classes[c]] = percent(m.classes[c].iou);
    results["ACC-" + e.classes[c]] = percent(m.classes[c].accuracy);
    results["BoundaryIoU-" + e.classes[c]] = percent(m.classes[c].boundary_iou);
  }
  out["confusion_pairs"] = confusion_pairs(e, m);
  json images = json::array();
  for (const auto& image : e.images)
    images.push_back({{"name", image.stem}, {"mIoU", 100 * image.miou}, {"pACC", 100 * image.pacc}});
  out["per_image"] = std::move(images);
  out["calibration"] = calibration_json(e);
  out["problems"] = problems_json(e.problems);
  out["published"] = published_json(comparable(e));
  out["speed"] = speed_json(e.speed);
  return dump(out, 1) + "\n";
}

std::string report_csv(const Evaluation& e) {
  const Metrics m = e.metrics();
  std::string out = "index,class,IoU,ACC,BoundaryIoU,true_pixels,predicted_pixels,hit_pixels\n";
  const auto field = [](std::optional<double> value) {
    return value ? fmt::format("{:.4f}", 100 * *value) : "";
  };
  for (std::size_t c = 0; c < e.classes.size(); ++c) {
    const auto& k = m.classes[c];
    out +=
        fmt::format("{},{},{},{},{},{},{},{}\n", c, csv_field(e.classes[c]), field(k.iou), field(k.accuracy),
                    field(k.boundary_iou), k.truth_pixels, k.predicted_pixels, k.hit_pixels);
  }
  return out;
}

std::string report_html(const Evaluation& e) {
  return fill_page(embedded::report_page(), dump(page_data(e)));
}

void write_reports(const Evaluation& evaluation, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
  write_file_atomically(folder / "report.json", report_json(evaluation));
  write_file_atomically(folder / "report.csv", report_csv(evaluation));
  write_file_atomically(folder / "report.html", report_html(evaluation));
  save_evaluation(evaluation, folder / "evaluation.json");
}

}  // namespace san
