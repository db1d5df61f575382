#include "eval/evaluator.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "base/error.h"
#include "base/input_file.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "eval/example_pictures.h"
#include "eval/sample_reading.h"
#include "image/codec/limits.h"
#include "san/colors.hpp"
#include "san/label_sets.hpp"

namespace san {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Scores one image; nothing if no pixel of it is labelled.
std::optional<ImageScore> score_image(const std::string& stem, const LabelMap& prediction,
                                      const LabelMap& truth, int classes, Label ignore) {
  const auto n = static_cast<std::size_t>(classes);
  std::vector<std::uint32_t> hit(n), gt(n), predicted(n + 1);
  double known = 0, right = 0;
  for (std::size_t i = 0; i < truth.labels.size(); ++i) {
    const auto t = truth.labels[i];
    if (t == ignore) continue;
    const auto p = std::min<std::size_t>(prediction.labels[i], n);
    ++gt[t], ++predicted[p];
    ++known;
    if (p == t) ++hit[t], ++right;
  }
  if (known == 0) return {};
  double sum = 0;
  int present = 0;
  for (std::size_t c = 0; c < n; ++c) {
    if (gt[c] == 0) continue;
    sum += static_cast<double>(hit[c]) / static_cast<double>(gt[c] + predicted[c] - hit[c]);
    ++present;
  }
  return ImageScore{stem, sum / present, right / known};
}

std::vector<Rgb> palette_of(const DatasetSpec& spec) {
  const auto sets = shipped_label_sets();
  if (std::ranges::find(sets, spec.name) != sets.end())
    if (const LabelSet set = label_set(spec.name); set.palette.size() == spec.classes.size())
      return set.palette;
  return distinct_colors(spec.classes.size());
}

void stop_if_cancelled(const EvaluationOptions& options) {
  if (options.cancelled && *options.cancelled)
    throw Cancelled("evaluate: interrupted; no report was written");
}

class Run {
 public:
  Run(const Dataset& dataset, Predictor& predictor, const EvaluationOptions& options, std::size_t count)
      : spec_(dataset.spec),
        predictor_(predictor),
        options_(options),
        palette_(palette_of(dataset.spec)),
        keeper_(options.examples),
        progress_("evaluate " + dataset.spec.name, static_cast<std::int64_t>(count), options.quiet) {
    require(spec_.class_count() <= ConfusionMatrix::kMaxClasses,
            "dataset {}: {} classes; scores keep a square of cells for at most {}", spec_.name,
            spec_.class_count(), ConfusionMatrix::kMaxClasses);
    result_.confusion = ConfusionMatrix(spec_.class_count());
    result_.boundary = BoundaryCounts(spec_.class_count());
  }

  void work(std::size_t index, const Sample& sample) {
    std::optional<Problem> problem;
    Prediction prediction;
    try {
      score(sample, prediction);
    } catch (const Rejected& rejected) {
      problem = rejected.problem;
      prediction = {};
    }
    if (options_.writer) options_.writer->add(index, sample, prediction.labels);
    const std::lock_guard lock(mutex_);
    if (problem) result_.problems.push_back(std::move(*problem));
    progress_.advance();
  }

  Evaluation finish() {
    progress_.finish();
    result_.best = std::move(keeper_.best);
    result_.worst = std::move(keeper_.worst);
    std::ranges::sort(result_.images, {}, &ImageScore::stem);
    return std::move(result_);
  }

 private:
  void score(const Sample& sample, Prediction& predicted) {
    const LabelMap truth = read_truth(spec_, sample, options_.decode);
    Image picture;
    if (predictor_.reads_pictures()) {
      picture = read_picture(sample, options_.decode);
      require_same_size(sample, truth, picture.height, picture.width, "image");
    }
    predicted = predict(sample, picture);
    const LabelMap& prediction = predicted.labels;
    require_same_size(sample, truth, prediction.height, prediction.width, "prediction");

    BoundaryCounts boundary(spec_.class_count());
    boundary.add(prediction.labels, truth.labels, truth.width, truth.height,
                 static_cast<Label>(spec_.ignore));
    const auto image =
        score_image(sample.stem, prediction, truth, spec_.class_count(), static_cast<Label>(spec_.ignore));
    bool wanted = false;
    Reliability reliability;
    if (!predicted.scores.empty())
      reliability.add(predicted.scores, prediction.labels, truth.labels, spec_.class_count(),
                      static_cast<Label>(spec_.ignore));
    {
      const std::lock_guard lock(mutex_);
      result_.reliability.merge(reliability);
      result_.confusion.add(prediction.labels, truth.labels, static_cast<Label>(spec_.ignore));
      result_.boundary.merge(boundary);
      if (!image) return;
      result_.images.push_back(*image);
      wanted = keeper_.wants(*image);
    }
    if (!wanted) return;
    if (picture.rgb.empty()) picture = read_picture(sample, options_.decode);
    Example example = make_example(*image, picture, truth, prediction, palette_);
    const std::lock_guard lock(mutex_);
    keeper_.add(std::move(example));
  }

  Prediction predict(const Sample& sample, const Image& picture) {
    std::unique_lock turn(predict_mutex_, std::defer_lock);
    if (!predictor_.concurrent()) turn.lock();
    stop_if_cancelled(options_);
    const auto start = Clock::now();
    auto prediction = read_or_reject(ProblemKind::kUnreadablePrediction, sample.image,
                                     [&] { return predictor_.predict(sample, picture); });
    const double seconds = seconds_since(start);
    if (!prediction) throw Rejected{{ProblemKind::kPredictionMissing, sample.image, ""}};
    if (!predictor_.reads_pictures()) return std::move(*prediction);
    const std::lock_guard lock(mutex_);
    result_.speed.predict_seconds += seconds;
    ++result_.speed.predicted;
    return std::move(*prediction);
  }

  const DatasetSpec& spec_;
  Predictor& predictor_;
  const EvaluationOptions& options_;
  std::vector<Rgb> palette_;
  std::mutex mutex_, predict_mutex_;
  Evaluation result_;
  ExampleKeeper keeper_;
  Progress progress_;
};

class StoredPredictor final : public Predictor {
 public:
  StoredPredictor(const std::filesystem::path& path, const DatasetSpec& spec, const DecodeOptions& decode)
      : name_("predictions in " + path.string()), stored_(open_predictions(path, spec, decode)) {}
  std::optional<Prediction> predict(const Sample& sample, const Image&) override {
    std::optional<LabelMap> labels = stored_->find(sample);
    if (!labels) return {};
    return Prediction{std::move(*labels), {}};
  }
  std::string name() const override { return name_; }
  bool reads_pictures() const override { return false; }
  bool concurrent() const override { return true; }

 private:
  std::string name_;
  std::unique_ptr<StoredPredictions> stored_;
};

void fail_if_strict(bool strict, const DatasetSpec& spec, const std::vector<Problem>& problems) {
  require(!strict || problems.empty(), "dataset {}: {} problems (--strict accepts none)\n{}", spec.name,
          problems.size(), describe_problems(problems));
}

}  // namespace

std::unique_ptr<Predictor> stored_predictor(const std::filesystem::path& path, const DatasetSpec& spec,
                                            const DecodeOptions& decode) {
  return std::make_unique<StoredPredictor>(path, spec, decode);
}

std::vector<Problem> check_dataset(const Dataset& dataset, const std::vector<Sample>& samples,
                                   const EvaluationOptions& options) {
  std::vector<Problem> problems = dataset.problems;
  std::mutex mutex;
  Progress progress("check " + dataset.spec.name, static_cast<std::int64_t>(samples.size()), options.quiet);
  ThreadPool pool(options.threads);
  pool.parallel_for(static_cast<std::int64_t>(samples.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      stop_if_cancelled(options);
      const Sample& sample = samples[static_cast<std::size_t>(i)];
      std::optional<Problem> problem;
      try {
        const LabelMap truth = read_truth(dataset.spec, sample, options.decode);
        const ImageHeader header = read_or_reject(ProblemKind::kUnreadableImage, sample.image, [&] {
          return checked_header(read_file(sample.image, options.decode.max_bytes).bytes,
                                sample.image.string(), options.decode.max_pixels);
        });
        // The header knows nothing of EXIF orientation: a turned picture is found when it is decoded.
        if (header.height != truth.width || header.width != truth.height)
          require_same_size(sample, truth, static_cast<int>(header.height), static_cast<int>(header.width),
                            "image");
      } catch (const Rejected& rejected) {
        problem = rejected.problem;
      }
      const std::lock_guard lock(mutex);
      if (problem) problems.push_back(std::move(*problem));
      progress.advance();
    }
  });
  std::ranges::sort(problems);
  return problems;
}

Evaluation evaluate(const Dataset& dataset, Predictor& predictor, const EvaluationOptions& options) {
  const auto start = Clock::now();
  std::vector<Sample> all = dataset.samples;
  if (options.limit > 0 && static_cast<std::size_t>(options.limit) < all.size())
    all.resize(static_cast<std::size_t>(options.limit));
  const std::vector<Sample> samples = options.shard.select(all);
  if (options.strict) fail_if_strict(true, dataset.spec, check_dataset(dataset, samples, options));

  Run run(dataset, predictor, options, samples.size());
  // One more than the processors: a sample is read while a predictor that takes one at a time computes.
  const int threads = options.threads > 0 ? options.threads : available_processors() + 1;
  ThreadPool pool(threads);
  pool.parallel_for(static_cast<std::int64_t>(samples.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      stop_if_cancelled(options), run.work(i, samples[i]);
  });

  Evaluation out = run.finish();
  out.dataset = dataset.spec.name;
  out.title = dataset.spec.title;
  out.split = dataset.split;
  out.predictor = predictor.name();
  out.settings = predictor.settings();
  out.curve = predictor.curve();
  if (options.limit > 0) out.settings["limit"] = std::to_string(options.limit);
  out.classes = dataset.spec.classes;
  out.seen = options.seen;
  out.unseen = options.unseen;
  out.shards = {options.shard.index};
  out.shard_count = options.shard.count;
  out.problems.insert(out.problems.end(), dataset.problems.begin(), dataset.problems.end());
  std::ranges::sort(out.problems);
  out.speed.wall_seconds = seconds_since(start);
  fail_if_strict(options.strict, dataset.spec, out.problems);
  require(!out.images.empty() || options.shard.count > 1,
          "dataset {}: none of {} samples could be scored\n{}", dataset.spec.name, samples.size(),
          describe_problems(out.problems));
  if (options.writer) options.writer->commit();
  return out;
}

}  // namespace san
