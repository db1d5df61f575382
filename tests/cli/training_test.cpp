#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli_fixture.h"
#include "engine/default_model.h"
#include "image/codec/encode.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class Training : public Cli {
 protected:
  /// Pictures of different sizes with two classes, left and right, some pixels ignored.
  void write_data(int count = 3) const {
    for (int i = 0; i < count; ++i) {
      const int height = 70 + 30 * i, width = 110 - 20 * i;
      picture(fmt::format("data/images/{}.png", i), height, width, i);
      LabelMap labels(height, width, 0);
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          labels.row(y)[x] = static_cast<Label>(y < 4 ? 255 : x < width / 2 ? 0 : 1);
      fs::create_directories(folder_ / "data/labels");
      write_labels(folder_ / fmt::format("data/labels/{}.png", i), labels);
    }
    write_file(folder_ / "data/classes.txt", "grass\nball\n");
  }
  ProcessResult train(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"train",
                                       "--images",
                                       "data/images",
                                       "--labels",
                                       "data/labels",
                                       "--classes-file",
                                       "data/classes.txt",
                                       "--quiet",
                                       "--device",
                                       "cpu",
                                       "--threads",
                                       "1",
                                       "--out",
                                       "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (const char* value :
         {"SOLVER.MAX_ITER=2", "SOLVER.IMS_PER_BATCH=1", "SOLVER.ACCUMULATE=1", "INPUT.CROP_SIZE=96",
          "INPUT.MIN_SIZE_TRAIN=[96]", "SOLVER.LOG_PERIOD=1", "LOSS.TRAIN_NUM_POINTS=64"})
      arguments.insert(arguments.end(), {"--set", value});
    return san(arguments);
  }
};

TEST_F(Training, BenchReportsWhereAStepsTimeGoes) {
  const auto bench = [&](const char* batch) {
    const ProcessResult r =
        san({"bench", "--training", "--model", "formula:tiny", "--size", "96x96", "--batch", batch,
             "--repeat", "2", "--threads", "1", "--class-count", "5", "--json"});
    expect_success(r);
    return json::parse(r.out);
  };
  const json report = bench("2");
  EXPECT_EQ(report["model"], "formula:tiny");
  EXPECT_EQ(report["random_weights"], true);
  EXPECT_EQ(report["batch"], 2);
  ASSERT_EQ(report["results"].size(), 1u);
  const json& r = report["results"][0];
  EXPECT_EQ(r["precision"], "fp32");
  EXPECT_EQ(r["steps"], 2);
  for (const char* field : {"data_ms", "forward_ms", "backward_ms", "optimizer_ms", "images_per_s",
                            "peak_gflops", "peak_memory_bytes", "loader_images_per_s"})
    EXPECT_GT(r[field].get<double>(), 0) << field;
  EXPECT_NEAR(r["images_per_s"].get<double>(), 2000 / r["step_ms"].get<double>(), 1e-9 * 2000);
  const json& macs = r["macs"];
  EXPECT_EQ(macs["step"].get<std::int64_t>(), macs["forward"].get<std::int64_t>() +
                                                  macs["backward_inputs"].get<std::int64_t>() +
                                                  macs["backward_weights"].get<std::int64_t>());
  EXPECT_NEAR(r["gflops"].get<double>(), 2e-6 * macs["step"].get<double>() / r["step_ms"].get<double>(),
              1e-9);
  EXPECT_NEAR(r["share_of_peak"].get<double>(), r["gflops"].get<double>() / r["peak_gflops"].get<double>(),
              1e-12);

  // Every product is of one picture, and a picture's forward pass costs no less than inference.
  for (const auto& [kind, count] : bench("1")["results"][0]["macs"].items())
    EXPECT_EQ(macs[kind].get<std::int64_t>(), 2 * count.get<std::int64_t>()) << kind;
  const ProcessResult inspect = san({"inspect", "--model", "formula:tiny", "--size", "96x96", "--json"});
  EXPECT_GT(macs["forward"].get<std::int64_t>(),
            2 * json::parse(inspect.out)["needed_macs"].get<std::int64_t>());
}

TEST_F(Training, BenchRefusesWhatItCannotTime) {
  expect_error(san({"bench", "--training", "--size", "96x64"}), 2, "square");
  expect_error(san({"bench", "--workers", "2"}), 2, "--training");
  expect_error(
      san({"bench", "--training", "--model", "formula:tiny", "--size", "96x96", "--precision", "fp16"}), 2,
      "CUDA");
}

TEST_F(Training, StartsFromTheBuiltInModel) {
  if (!has_default_model()) GTEST_SKIP() << "this build carries no model";
  write_data();
  expect_success(train({"--init", "default"}));
  const auto config = [&](const std::string& model) {
    const ProcessResult r = san({"inspect", "--model", model, "--json"});
    expect_success(r);
    return json::parse(r.out)["config"];
  };
  EXPECT_EQ(config("run/model.safetensors"), config("default"));
  expect_error(train({"--init", "no-such-file"}), 2, "no-such-file");
}

// By a name of the list, whose file lies where `san pull` puts it.
TEST_F(Training, StartsFromAModelThatWasPulled) {
  const fs::path built_in = fs::path(SAN_SOURCE_DIR) / "models/default/model.safetensors",
                 models = folder_ / "models";
  if (!fs::exists(built_in)) GTEST_SKIP() << "there is no " << built_in;
  write_data();
  ::setenv("SAN_MODELS_DIR", models.c_str(), 1);
  const ProcessResult before = train({"--init", "clip-vit-b-16"});
  fs::create_directory(models);
  fs::create_symlink(fs::absolute(built_in), models / "clip-vit-b-16.safetensors");
  const ProcessResult after = train({"--init", "clip-vit-b-16"});
  ::unsetenv("SAN_MODELS_DIR");
  expect_error(before, 2, "san pull clip-vit-b-16");
  expect_success(after);
}

TEST_F(Training, DefaultsFollowTheModelAndSayWhatTheyCost) {
  if (!has_default_model()) GTEST_SKIP() << "this build carries no model";
  write_data();
  // No --init: the built-in model; nothing said about sizes, rates and parts.
  const ProcessResult r =
      san({"train", "--images", "data/images", "--labels", "data/labels", "--classes", "grass, ball|sphere",
           "--quiet", "--device", "cpu", "--out", "run", "--set", "SOLVER.MAX_ITER=1", "--set",
           "SOLVER.IMS_PER_BATCH=1", "--set", "SOLVER.LOG_PERIOD=1"});
  expect_success(r);
  EXPECT_THAT(r.err, HasSubstr("3 pictures: 2 are trained on, 1 measure before and after"));
  EXPECT_THAT(r.err, HasSubstr("1 picture of 256×256 a step, 1 at once"));
  EXPECT_THAT(r.err, HasSubstr("GB of memory"));
  EXPECT_THAT(r.err, HasSubstr("before training: miou"));
  const auto lines = lines_of(read_file(folder_ / "run/metrics.jsonl"));
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(json::parse(lines.front())["step"], 0) << "the start was not scored first";
}

TEST_F(Training, QuickIsForAFolder) {
  expect_error(san({"train", "--quick", "--out", "run"}), 2, "--images");
}

TEST_F(Training, ClassesAreNamesOrAFile) {
  write_data();
  expect_error(train({"--classes", "grass, ball"}), 2, "not both");
  const auto with = [&](const char* classes) {
    return san({"train", "--images", "data/images", "--labels", "data/labels", "--classes", classes, "--out",
                "run"});
  };
  expect_error(with("grass, Grass"), 2, "grass");
  expect_error(san({"train", "--images", "data/images", "--labels", "data/labels", "--out", "run"}), 2,
               "classes");
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(Training, MeasuresWhatSanEvaluateMeasures) {
  if (!has_default_model()) GTEST_SKIP() << "this build carries no model";
  write_data();
  expect_success(train({"--init", "default", "--set", "DATASETS.TEST=" + (folder_ / "data").string()}));
  double while_training = -1;
  for (const std::string& line : lines_of(read_file(folder_ / "run/metrics.jsonl")))
    if (const json record = json::parse(line); record.contains("evaluation")) while_training = record["miou"];
  const ProcessResult r =
      san({"evaluate", "--dataset", "data", "--model", "run/model.safetensors", "--quiet", "--json"});
  expect_success(r);
  const double afterwards = json::parse(r.out).at("miou").get<double>() / 100;
  EXPECT_GT(afterwards, 0.05) << "nothing was found: nothing is compared";
  // The model file is float16, so that a few pixels on borders tip over.
  EXPECT_NEAR(while_training, afterwards, 0.002);
}

}  // namespace
}  // namespace san::testing
