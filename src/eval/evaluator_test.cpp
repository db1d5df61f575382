#include "eval/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <random>

#include "base/atomic_file.h"
#include "base/error.h"
#include "eval/report.h"
#include "image/codec/encode.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kHeight = 24, kWidth = 31, kClasses = 5;

fs::path fresh_folder() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const fs::path folder = fs::path(testing::TempDir()) / "san_evaluator" / info->name();
  fs::remove_all(folder);
  fs::create_directories(folder / "images");
  fs::create_directories(folder / "labels");
  return folder;
}

/// Blobs of classes and ignored pixels.
LabelMap blobs(unsigned seed, bool ignored) {
  std::mt19937 random(seed);
  LabelMap map(kHeight, kWidth, static_cast<Label>(random() % kClasses));
  for (int k = 0; k < 6; ++k) {
    const int y0 = static_cast<int>(random() % kHeight), x0 = static_cast<int>(random() % kWidth);
    const auto label = static_cast<Label>(ignored && k == 5 ? 255 : random() % kClasses);
    for (int y = y0; y < std::min(kHeight, y0 + 8); ++y)
      for (int x = x0; x < std::min(kWidth, x0 + 9); ++x) map.row(y)[x] = label;
  }
  return map;
}

/// A FOLDER dataset of `count` random samples and a folder of predictions beside it.
fs::path make_dataset(int count) {
  const fs::path root = fresh_folder();
  write_file_atomically(root / "classes.txt", "sky\ntree, bush\n\"quoted\"\nroad <b>\nperson\n");
  for (int i = 0; i < count; ++i) {
    const std::string stem = fmt::format("img{:02}", i);
    Image picture(kHeight, kWidth);
    for (std::size_t k = 0; k < picture.rgb.size(); ++k)
      picture.rgb[k] = static_cast<std::uint8_t>(k * 3 + 40u * i);
    write_jpeg(root / "images" / (stem + ".jpg"), picture);
    const auto seed = static_cast<unsigned>(i);
    write_labels(root / "labels" / (stem + ".png"), blobs(seed, true));
    fs::create_directories(root / "predictions");
    LabelMap prediction = blobs(seed + 100, false);
    const LabelMap truth = blobs(seed, false);
    for (int y = 0; y < kHeight; ++y)
      if (y % (2 + i % 5)) std::copy_n(truth.row(y), kWidth, prediction.row(y));
    if (i == 3) prediction.labels[5] = 200;
    write_labels(root / "predictions" / (stem + ".png"), prediction);
  }
  return root;
}

Evaluation run(const fs::path& root, EvaluationOptions options = {},
               const fs::path& predictions = "predictions") {
  const Dataset data = open_dataset(load_dataset_spec(root.string()));
  const auto predictor = stored_predictor(root / predictions, data.spec);
  options.quiet = true;
  return evaluate(data, *predictor, options);
}

void expect_same(const Evaluation& a, const Evaluation& b) {
  EXPECT_EQ(a.confusion, b.confusion);
  EXPECT_EQ(a.boundary, b.boundary);
  EXPECT_EQ(a.reliability, b.reliability);
  EXPECT_EQ(a.images, b.images);
  EXPECT_EQ(a.best, b.best);
  EXPECT_EQ(a.worst, b.worst);
  EXPECT_EQ(a.problems, b.problems);
  EXPECT_EQ(a.shards, b.shards);
}

TEST(Evaluator, DoesNotDependOnThreads) {
  const fs::path root = make_dataset(23);
  const Evaluation one = run(root, {.shard = {}, .threads = 1});
  EXPECT_EQ(one.images.size(), 23u);
  EXPECT_EQ(one.best.size(), kExampleLimit);
  EXPECT_GT(one.confusion.at(kClasses, blobs(3, true).labels[5] == 255 ? kClasses : blobs(3, true).labels[5]),
            0u);
  for (const int threads : {2, 5}) expect_same(one, run(root, {.shard = {}, .threads = threads}));
}

// A predictor that is told to end while it computes, as a network's is.
class Interrupted final : public Predictor {
 public:
  explicit Interrupted(std::atomic<bool>& flag) : flag_(flag) {}
  std::optional<Prediction> predict(const Sample&, const Image&) override {
    ++asked;
    flag_ = true;
    throw Cancelled("cancelled before op");
  }
  std::string name() const override { return "interrupted"; }
  int asked = 0;

 private:
  std::atomic<bool>& flag_;
};

/// Says class 0 everywhere: with a score of 0.75 where the picture's row is even, else of 0.25.
class TwoScores final : public Predictor {
 public:
  std::optional<Prediction> predict(const Sample&, const Image& picture) override {
    Prediction out{LabelMap(picture.height, picture.width, 0), {}};
    for (int y = 0; y < picture.height; ++y)
      out.scores.insert(out.scores.end(), static_cast<std::size_t>(picture.width),
                        y % 2 == 0 ? 0.75f : 0.25f);
    return out;
  }
  std::string name() const override { return "two scores"; }
};

TEST(Evaluator, CountsHowOftenLabelsAreRightByTheirScore) {
  // Of the rows with 0.75 the left fifteen of 31 pixels are class 0 in truth, of those with 0.25 none; the
  // last column is not known.
  const fs::path root = make_dataset(3);
  LabelMap truth(kHeight, kWidth, 1);
  for (int y = 0; y < kHeight; ++y) {
    if (y % 2 == 0) std::fill_n(truth.row(y), 15, Label{0});
    truth.row(y)[kWidth - 1] = 255;
  }
  for (const char* stem : {"img00", "img01", "img02"})
    write_labels(root / "labels" / (std::string(stem) + ".png"), truth);
  const Dataset data = open_dataset(load_dataset_spec(root.string()));
  TwoScores predictor;
  EvaluationOptions options;
  options.quiet = true;
  std::vector<Evaluation> shards;
  for (const int i : {1, 2}) {
    options.shard = {i, 2};
    save_evaluation(evaluate(data, predictor, options), root / "shard.json");
    shards.push_back(load_evaluation(root / "shard.json"));
  }
  options.shard = {};
  const Evaluation e = evaluate(data, predictor, options);
  expect_same(e, merge_evaluations(shards));
  EXPECT_EQ(e.reliability.total().pixels, 3u * kHeight * (kWidth - 1));
  EXPECT_DOUBLE_EQ(e.reliability.bins[15].accuracy(), 0.5);
  EXPECT_DOUBLE_EQ(*e.reliability.expected_error(), 0.25);

  const auto json = nlohmann::json::parse(report_json(e));
  EXPECT_DOUBLE_EQ(json["calibration"]["expected_error"].get<double>(), 0.25);
  EXPECT_DOUBLE_EQ(json["calibration"]["accuracy"].get<double>(), 0.25);
  EXPECT_DOUBLE_EQ(json["calibration"]["bins"][1]["score"].get<double>(), 0.75);
  EXPECT_THAT(report_text(e), HasSubstr("expected calibration error: 0.250"));
  EXPECT_THAT(report_html(e), HasSubstr("\"expected_error\":0.25"));
  // Stored results have no scores: nothing is said of them.
  EXPECT_TRUE(nlohmann::json::parse(report_json(run(root)))["calibration"].is_null());
  EXPECT_THAT(report_text(run(root)), testing::Not(HasSubstr("calibration")));
}

TEST(Evaluator, EndsWhenInterruptedInsteadOfCountingAProblem) {
  const fs::path root = make_dataset(8);
  const Dataset data = open_dataset(load_dataset_spec(root.string()));
  std::atomic<bool> flag = false;
  EvaluationOptions options;
  options.quiet = true;
  options.cancelled = &flag;
  Interrupted predictor(flag);
  EXPECT_THROW((void)evaluate(data, predictor, options), Cancelled);
  EXPECT_EQ(predictor.asked, 1) << "the samples after it were not asked for";
  EXPECT_THROW((void)check_dataset(data, data.samples, options), Cancelled);
}

TEST(Evaluator, ShardsMergeIntoTheIdenticalResult) {
  const fs::path root = make_dataset(23);
  fs::remove(root / "images/img07.jpg");
  fs::remove(root / "predictions/img08.png");
  const Evaluation whole = run(root);
  for (const int count : {1, 2, 7, 30}) {
    std::vector<Evaluation> shards;
    for (int i = count; i >= 1; --i) {
      save_evaluation(run(root, {.shard = {i, count}}), root / "shard.json");
      shards.push_back(load_evaluation(root / "shard.json"));
    }
    expect_same(whole, merge_evaluations(shards));
    if (count == 1) continue;
    shards.back() = shards.front();
    EXPECT_THROW(merge_evaluations(shards), Error);
    shards.pop_back();
    EXPECT_THROW(merge_evaluations(shards), Error);
  }
}

TEST(Evaluator, RefusesShardFilesOfOtherRuns) {
  const fs::path root = make_dataset(4);
  Evaluation a = run(root, {.shard = {1, 2}}), b = run(root, {.shard = {2, 2}});
  b.settings["short side"] = "320";
  EXPECT_THROW(merge_evaluations({a, b}), Error);
  write_file_atomically(root / "bad.json", "{\"format\": \"other\"}");
  EXPECT_THROW(load_evaluation(root / "bad.json"), Error);
  write_file_atomically(root / "bad.json", "{");
  EXPECT_THROW(load_evaluation(root / "bad.json"), Error);
}

TEST(Evaluator, ListsEveryProblemAtOnceAndGoesOn) {
  const fs::path root = make_dataset(8);
  write_file_atomically(root / "labels/img00.png", "not a PNG");
  write_labels(root / "labels/img01.png", LabelMap(3, 3, 0));
  write_labels(root / "labels/img02.png", LabelMap(kHeight, kWidth, 77));
  fs::remove(root / "labels/img03.png");
  fs::remove(root / "images/img04.jpg");
  fs::remove(root / "predictions/img05.png");
  write_labels(root / "predictions/img06.png", LabelMap(2, 2, 0));
  const Evaluation e = run(root);
  EXPECT_EQ(e.images.size(), 1u);
  std::vector<ProblemKind> kinds;
  for (const auto& problem : e.problems) kinds.push_back(problem.kind);
  EXPECT_THAT(kinds, testing::ElementsAre(ProblemKind::kImageWithoutLabel, ProblemKind::kLabelWithoutImage,
                                          ProblemKind::kUnreadableLabel, ProblemKind::kWrongSize,
                                          ProblemKind::kWrongSize, ProblemKind::kForeignLabelValue,
                                          ProblemKind::kPredictionMissing));
  EXPECT_THAT(report_text(e), HasSubstr("size differs: 2"));
  try {
    run(root, {.shard = {}, .strict = true});
    FAIL() << "--strict accepted a damaged dataset";
  } catch (const Error& error) {
    for (const char* part : {"5 problems", "img00.png", "img01.png", "holds 77", "img03.jpg", "img04.png"})
      EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

TEST(Predictions, JsonAndFolderSayTheSame) {
  const fs::path root = make_dataset(9);
  const DatasetSpec spec = load_dataset_spec(root.string());
  const Evaluation whole = run(root);
  const auto list = write_predictions_json(root / "predictions.json", spec);
  EXPECT_EQ(run(root, {.shard = {}, .threads = 3, .writer = list.get()}).confusion, whole.confusion);
  EXPECT_EQ(run(root, {}, "predictions.json").confusion, whole.confusion);
  const auto folder = write_predictions_folder(root / "labels_out", spec);
  (void)run(root, {.shard = {}, .writer = folder.get()}, "predictions.json");
  expect_same(run(root, {}, "labels_out"), whole);
}

// The record detectron2 writes for a 2×3 map 0 1 1 / 0 0 1 with class 1 = COCO id 2: runs 2, 1, 1, 2 column
// by column.
TEST(Predictions, ReadsDetectron2Records) {
  const fs::path root = fresh_folder();
  const DatasetSpec spec = parse_dataset_spec(
      "name: x\nclasses: [a, b]\ncategory_ids: [1, 2]\nsplits: {val: {images: i, labels: l}}", "x", {});
  write_file_atomically(root / "p.json",
                        R"([{"file_name": "datasets/i/pic.jpg", "category_id": 2,
                             "segmentation": {"size": [2, 3], "counts": "2111"}}])");
  const auto map = open_predictions(root / "p.json", spec)->find({"pic", "", ""});
  ASSERT_TRUE(map);
  EXPECT_THAT(map->labels, testing::ElementsAre(kNoLabel, 1, 1, kNoLabel, kNoLabel, 1));
  EXPECT_FALSE(open_predictions(root / "p.json", spec)->find({"other", "", ""}));
}

TEST(Predictions, RefusesForeignFiles) {
  const fs::path root = make_dataset(1);
  const DatasetSpec spec = load_dataset_spec(root.string());
  for (const char* bad :
       {"", "{}", "3", "[3", R"([{"file_name": "a"}])",
        R"([{"file_name": "a", "category_id": 99, "segmentation": {"size": [1, 1], "counts": "1"}}])",
        R"([{"file_name": 1, "category_id": 0, "segmentation": {"size": [1], "counts": []}}])"}) {
    write_file_atomically(root / "bad.json", bad);
    EXPECT_THROW(open_predictions(root / "bad.json", spec), Error) << bad;
  }
  write_file_atomically(
      root / "bad.json",
      R"([{"file_name": "a", "category_id": 0, "segmentation": {"size": [60000, 60000], "counts": "1"}}])");
  EXPECT_THROW(open_predictions(root / "bad.json", spec)->find({"a", "", ""}), Error);
  EXPECT_THROW(open_predictions(root / "nothing-here", spec), Error);
}

TEST(Report, HoldsTheNumbersAndNoForeignMarkup) {
  const fs::path root = make_dataset(5);
  Evaluation e = run(root, {.shard = {}, .seen = {0, 1, 2}, .unseen = {3, 4}});
  write_reports(e, root / "report");
  const auto json = nlohmann::json::parse(read_text_file(root / "report/report.json"));
  EXPECT_DOUBLE_EQ(json["results"]["mIoU"].get<double>(), 100 * e.metrics().miou);
  EXPECT_TRUE(json["results"].contains("mIoU_harmonic"));
  EXPECT_THAT(report_csv(e), HasSubstr("1,\"tree, bush\","));
  EXPECT_THAT(report_csv(e), HasSubstr("2,\"\"\"quoted\"\"\","));
  const std::string page = read_text_file(root / "report/report.html");
  EXPECT_EQ(page.find("road <b>"), std::string::npos);
  EXPECT_THAT(page, HasSubstr("road \\u003cb>"));
  for (const char* request : {"http:", "https:", "src=\"", "@import", "url("})
    EXPECT_EQ(page.find(request), std::string::npos) << request;
  expect_same(e, load_evaluation(root / "report/evaluation.json"));
}

}  // namespace
}  // namespace san
