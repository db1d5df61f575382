#include "eval/sweep.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/median.h"
#include "base/progress.h"
#include "eval/sample_reading.h"

namespace san {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr double kShortest = 1e-9;  ///< seconds: what takes none is not divided by
using Clock = std::chrono::steady_clock;

/// What one picture told of one technique.
struct Answer {
  PictureCounts counts;
  Reliability reliability;
  double seconds = 0;
};

Answer ask(Predictor& predictor, const DatasetSpec& spec, const Sample& sample, const Image& picture,
           const LabelMap& truth) {
  const auto start = Clock::now();
  const auto prediction = read_or_reject(ProblemKind::kUnreadablePrediction, sample.image,
                                         [&] { return predictor.predict(sample, picture); });
  Answer out;
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!prediction) throw Rejected{{ProblemKind::kPredictionMissing, sample.image, ""}};
  const LabelMap& labels = prediction->labels;
  require_same_size(sample, truth, labels.height, labels.width, "prediction");
  out.counts = count_picture(labels.labels, truth.labels, truth.width, truth.height, spec.class_count(),
                             static_cast<Label>(spec.ignore));
  if (!prediction->scores.empty())
    out.reliability.add(prediction->scores, labels.labels, truth.labels, spec.class_count(),
                        static_cast<Label>(spec.ignore));
  return out;
}

/// Of every technique; throws Rejected when one of them, or the sample, cannot be scored.
std::vector<Answer> ask_all(const std::vector<Technique>& techniques, const DatasetSpec& spec,
                            const Sample& sample, const DecodeOptions& decode, std::size_t turn) {
  const LabelMap truth = read_truth(spec, sample, decode);
  const Image picture = read_picture(sample, decode);
  require_same_size(sample, truth, picture.height, picture.width, "image");
  std::vector<Answer> answers(techniques.size());
  for (std::size_t k = 0; k < techniques.size(); ++k) {
    const std::size_t t = (k + turn) % techniques.size();  // none is always the one after another
    answers[t] = ask(*techniques[t].predictor, spec, sample, picture, truth);
  }
  return answers;
}

}  // namespace

bool Sweep::has_split() const {
  return std::ranges::any_of(rows, [](const SweepRow& row) { return !std::isnan(row.harmonic); });
}

Sweep run_sweep(const Dataset& dataset, std::vector<Technique> techniques, const EvaluationOptions& options) {
  require(!techniques.empty(), "sweep: no technique to compare");
  std::vector<Sample> samples = dataset.samples;
  if (options.limit > 0 && static_cast<std::size_t>(options.limit) < samples.size())
    samples.resize(static_cast<std::size_t>(options.limit));
  samples = options.shard.select(samples);
  Sweep out;
  out.dataset = dataset.spec.name, out.title = dataset.spec.title, out.split = dataset.split;
  out.predictor = techniques.front().predictor->name();
  out.problems = dataset.problems;
  std::vector<std::vector<PictureCounts>> counts(techniques.size());
  std::vector<std::vector<double>> ratios(techniques.size());
  out.rows.resize(techniques.size());
  Progress progress("sweep " + dataset.spec.name, static_cast<std::int64_t>(samples.size()), options.quiet);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (options.cancelled && *options.cancelled)
      throw Cancelled("evaluate: interrupted; no report was written");
    try {
      std::vector<Answer> answers = ask_all(techniques, dataset.spec, samples[i], options.decode, i);
      for (std::size_t t = 0; t < techniques.size(); ++t) {
        counts[t].push_back(std::move(answers[t].counts));
        out.rows[t].reliability.merge(answers[t].reliability);
        out.rows[t].ms += 1000 * answers[t].seconds;
        ratios[t].push_back(answers[t].seconds / std::max(answers.front().seconds, kShortest));
      }
      ++out.pictures;
    } catch (const Rejected& rejected) {
      out.problems.push_back(rejected.problem);
    }
    progress.advance();
  }
  progress.finish();
  std::ranges::sort(out.problems);
  require(!options.strict || out.problems.empty(), "dataset {}: {} problems (--strict accepts none)\n{}",
          dataset.spec.name, out.problems.size(), describe_problems(out.problems));
  require(out.pictures > 0, "dataset {}: none of {} samples could be scored\n{}", dataset.spec.name,
          samples.size(), describe_problems(out.problems));

  const int classes = dataset.spec.class_count();
  const std::vector<Spread> spreads = bootstrap(counts, classes, kSweepResamples, kSeed);
  const bool split = !options.seen.empty() && !options.unseen.empty();
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t t = 0; t < techniques.size(); ++t) {
    SweepRow& row = out.rows[t];
    row.name = techniques[t].name, row.settings = techniques[t].predictor->settings();
    row.curve = techniques[t].predictor->curve();
    row.spread = spreads[t];
    row.ms /= static_cast<double>(out.pictures);
    row.cost = median(std::move(ratios[t]));
    row.seen_miou = split ? mean_iou(counts[t], classes, options.seen).all : kNone;
    row.unseen_miou = split ? mean_iou(counts[t], classes, options.unseen).all : kNone;
    row.harmonic = harmonic_mean(row.seen_miou, row.unseen_miou);
  }
  return out;
}

}  // namespace san
