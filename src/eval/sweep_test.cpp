#include "eval/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"
#include "image/codec/encode.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kSide = 40, kPictures = 12;

LabelMap stripes(int i) {
  LabelMap map(kSide, kSide, 0);
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) map.row(y)[x] = static_cast<Label>((x / 10 + i) % 3);
  return map;
}

Dataset make_dataset() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const fs::path root = fs::path(testing::TempDir()) / "san_sweep" / info->name();
  fs::remove_all(root);
  fs::create_directories(root / "images");
  fs::create_directories(root / "labels");
  write_file_atomically(root / "classes.txt", "sky\nroad <b>\ncar\n");
  for (int i = 0; i < kPictures; ++i) {
    const std::string stem = fmt::format("{:02}", i);
    Image picture(kSide, kSide);
    picture.rgb[0] = static_cast<std::uint8_t>(i);  // tells the predictor which it is
    write_png(root / "images" / (stem + ".png"), picture);
    write_labels(root / "labels" / (stem + ".png"), stripes(i));
  }
  return open_dataset(load_dataset_spec(root.string()));
}

/// Knows the truth but for so many of a hundred pixels, drawn by lot.
class Wrong final : public Predictor {
 public:
  Wrong(int percent, bool scores, bool fails = false) : percent_(percent), scores_(scores), fails_(fails) {}
  std::optional<Prediction> predict(const Sample&, const Image& picture) override {
    const int i = picture.rgb[0];
    require(!fails_ || i != 3, "picture 3 is too much");
    Prediction out{stripes(i), {}};
    Rng rng(static_cast<std::uint64_t>(i), 1, 1);
    for (auto& label : out.labels.labels)
      if (rng.below(100) < percent_) label = static_cast<Label>((label + 1) % 3);
    if (scores_) out.scores.assign(out.labels.labels.size(), 0.5f);
    return out;
  }
  std::string name() const override { return "wrong"; }
  std::map<std::string, std::string> settings() const override {
    return {{"wrong", std::to_string(percent_)}};
  }

 private:
  int percent_;
  bool scores_, fails_;
};

std::vector<Technique> techniques(bool fails = false) {
  std::vector<Technique> out;
  out.push_back({"plain", std::make_unique<Wrong>(30, true)});
  out.push_back({"better", std::make_unique<Wrong>(20, false)});
  out.push_back({"the same", std::make_unique<Wrong>(30, true, fails)});
  return out;
}

EvaluationOptions quiet() {
  EvaluationOptions options;
  options.quiet = true;
  return options;
}

TEST(Sweep, HasTheNumbersOfEvaluatingOneByOne) {
  const Dataset data = make_dataset();
  EvaluationOptions options = quiet();
  options.seen = {0, 1}, options.unseen = {2};
  const Sweep sweep = run_sweep(data, techniques(), options);
  ASSERT_EQ(sweep.rows.size(), 3u);
  EXPECT_EQ(sweep.pictures, static_cast<std::size_t>(kPictures));
  const std::vector<Technique> one_by_one = techniques();
  for (std::size_t t = 0; t < 3; ++t) {
    const Evaluation e = evaluate(data, *one_by_one[t].predictor, options);
    const Metrics m = e.metrics();
    EXPECT_DOUBLE_EQ(sweep.rows[t].spread.miou.value, m.miou);
    EXPECT_DOUBLE_EQ(sweep.rows[t].spread.boundary.value, m.boundary_miou);
    EXPECT_DOUBLE_EQ(sweep.rows[t].harmonic, split_metrics(m, options.seen, options.unseen).harmonic);
    EXPECT_EQ(sweep.rows[t].reliability, e.reliability);
  }
  EXPECT_GT(sweep.rows[1].spread.miou_gain.low, 0);
  EXPECT_EQ(sweep.rows[2].spread.miou_gain.low, 0);
  EXPECT_EQ(sweep.rows[2].spread.miou_gain.high, 0);
}

TEST(Sweep, TakesAShardOfThePictures) {
  const Dataset data = make_dataset();
  std::size_t pictures = 0;
  for (int part = 1; part <= 3; ++part) {
    EvaluationOptions options = quiet();
    options.shard = {part, 3};
    pictures += run_sweep(data, techniques(), options).pictures;
  }
  EXPECT_EQ(pictures, static_cast<std::size_t>(kPictures));
}

TEST(Sweep, LeavesAPictureOutForAllWhereOneFails) {
  const Dataset data = make_dataset();
  const Sweep sweep = run_sweep(data, techniques(true), quiet());
  EXPECT_EQ(sweep.pictures, static_cast<std::size_t>(kPictures - 1));
  ASSERT_EQ(sweep.problems.size(), 1u);
  EXPECT_THAT(sweep.problems[0].detail, HasSubstr("picture 3 is too much"));
  EXPECT_THAT(sweep_text(sweep), HasSubstr("picture 3 is too much"));
  EvaluationOptions strict = quiet();
  strict.strict = true;
  EXPECT_THROW(run_sweep(data, techniques(true), strict), Error);
  EXPECT_THROW(run_sweep(data, {}, quiet()), Error);
}

TEST(Sweep, EndsWhenInterrupted) {
  const std::atomic<bool> now = true;
  EvaluationOptions options = quiet();
  options.cancelled = &now;
  EXPECT_THROW(run_sweep(make_dataset(), techniques(), options), Cancelled);
}

TEST(Sweep, IsToldAsTextNumbersAndAPage) {
  Dataset data = make_dataset();
  data.spec.title = "road <b>";
  const fs::path folder = fs::path(testing::TempDir()) / "san_sweep_out";
  const Sweep sweep = run_sweep(data, techniques(), quiet());
  write_sweep(sweep, folder);
  const auto json = nlohmann::json::parse(read_text_file(folder / "sweep.json"));
  EXPECT_EQ(json["rows"].size(), 3u);
  EXPECT_EQ(json["rows"][1]["name"], "better");
  EXPECT_EQ(json["rows"][1]["settings"]["wrong"], "20");
  EXPECT_DOUBLE_EQ(json["rows"][1]["mIoU"]["value"].get<double>(), 100 * sweep.rows[1].spread.miou.value);
  EXPECT_TRUE(json["rows"][1]["expected_calibration_error"].is_null());
  EXPECT_FALSE(json["rows"][0].contains("mIoU_seen"));
  EXPECT_DOUBLE_EQ(json["rows"][0]["cost"].get<double>(), 1);
  const std::string page = read_text_file(folder / "sweep.html");
  EXPECT_EQ(page.find("road <b>"), std::string::npos);
  for (const char* request : {"http:", "https:", "src=\"", "@import", "url("})
    EXPECT_EQ(page.find(request), std::string::npos) << request;
}

}  // namespace
}  // namespace san
