#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "train/pretrain_task.h"
#include "train/segmentation_task.h"
#include "train/tiny_start_model.h"
#include "train/trainer.h"
#include "train/world_source.h"

namespace san {
namespace {

using nlohmann::json;

// Small squares of one class each on another.
class Squares : public SampleSource {
 public:
  explicit Squares(int pause_ms) : pause_ms_(pause_ms) {}
  const std::vector<std::string>& class_names() const override { return names_; }
  int height() const override { return 96; }
  int width() const override { return 96; }
  int group(std::uint64_t) const override { return 0; }
  void fill(std::uint64_t position, std::uint8_t* rgb, Label* labels) const override {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
    const std::uint64_t random = splitmix64(position);
    for (int y = 0; y < 96; ++y)
      for (int x = 0; x < 96; ++x) {
        const bool inside =
            x > static_cast<int>(random % 40) && y > static_cast<int>(random / 40 % 40) && x < 70;
        *labels++ = static_cast<Label>(inside ? 1 + random / 1600 % 3 : 0);
        for (int c = 0; c < 3; ++c) *rgb++ = static_cast<std::uint8_t>(labels[-1] * 60 + c * 20 + x % 7);
      }
  }

 private:
  int pause_ms_;
  std::vector<std::string> names_{"ground", "red", "green", "blue"};
};

Recipe tiny_recipe(const std::string& start, int batch, int steps) {
  return parse_recipe(fmt::format(R"(
MODEL: {{INIT: {}}}
SOLVER: {{IMS_PER_BATCH: {}, MAX_ITER: {}, BASE_LR: 1.0e-3, LOG_PERIOD: 1, CHECKPOINT_PERIOD: 2}}
LOSS: {{TRAIN_NUM_POINTS: 64}}
DATALOADER: {{NUM_WORKERS: 1}}
DATASETS: {{CONCEPTS: {}/configs/world/demo.tsv, PICTURES: [{}/configs/world/pack.pictures]}}
TEST: {{EVAL_PERIOD: 0}}
)",
                                  start, batch, steps, SAN_SOURCE_DIR, SAN_SOURCE_DIR),
                      "the test");
}

std::unique_ptr<TrainingTask> make_task(const json& how, const Recipe& recipe,
                                        const std::shared_ptr<Communicator>& communicator) {
  const TorchOptions options{"cpu", Precision::kF32, true};
  if (how["task"] == "pretrain")
    return std::make_unique<PretrainTask>(recipe, load_world(recipe), options, communicator);
  return std::make_unique<SegmentationTask>(recipe, std::make_shared<Squares>(how["pause_ms"].get<int>()),
                                            nullptr, options, communicator);
}

// A process of a run; not a test of its own.
TEST(DistributedChild, Run) {
  const char* out = std::getenv("SAN_DISTRIBUTED_TEST_OUT");
  if (!out) GTEST_SKIP() << "runs as a child of the tests below";
  const json how = json::parse(std::getenv("SAN_DISTRIBUTED_TEST_RUN"));
  const Ranks ranks = ranks_from_environment([](const char* name) { return std::getenv(name); });
  Recipe recipe = tiny_recipe(how["start"], how["batch"], how["steps"]);
  recipe.run.out = out, recipe.run.quiet = true;
  recipe.run.recipe = "{}";  // the same for every number of processes
  try {
    const auto communicator = std::make_shared<Communicator>(ranks, at::kCPU);
    const auto task = make_task(how, recipe, communicator);
    const std::atomic<bool> never{false};
    Trainer(*task, recipe.run, recipe.optimizer, recipe.schedule, communicator.get()).run(never);
  } catch (const Error& e) {
    std::ofstream(fmt::format("{}/error.{}", out, ranks.rank)) << e.what();
    std::exit(3);
  }
}

class Distributed : public ::testing::Test {
 protected:
  Distributed()
      : root_(std::filesystem::temp_directory_path() / fmt::format("san_distributed_{}", ::getpid())) {
    std::filesystem::create_directories(root_);
  }
  ~Distributed() override { std::filesystem::remove_all(root_); }

  std::vector<pid_t> start(const std::string& name, int processes, json how) {
    how["start"] = (root_ / "start.safetensors").string();
    if (!std::filesystem::exists(root_ / "start.safetensors"))
      test::write_tiny_start_model(root_ / "start.safetensors",
                                   {"ground", "red", "green", "blue", "grounds", "greens"});
    static int port = 20000 + ::getpid() % 20000;
    ++port;
    std::filesystem::create_directories(root_ / name);
    std::vector<pid_t> children;
    for (int rank = 0; rank < processes; ++rank) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::setenv("SAN_DISTRIBUTED_TEST_OUT", (root_ / name).c_str(), 1);
        ::setenv("SAN_DISTRIBUTED_TEST_RUN", how.dump().c_str(), 1);
        ::setenv("OMP_NUM_THREADS", "1", 1);
        if (processes > 1) {
          ::setenv("RANK", std::to_string(rank).c_str(), 1);
          ::setenv("LOCAL_RANK", std::to_string(rank).c_str(), 1);
          ::setenv("WORLD_SIZE", std::to_string(processes).c_str(), 1);
          ::setenv("MASTER_PORT", std::to_string(port).c_str(), 1);
        }
        ::execl("/proc/self/exe", "train_test", "--gtest_filter=DistributedChild.*", nullptr);
        ::_exit(127);
      }
      children.push_back(child);
    }
    return children;
  }
  static int wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // Six steps of one process and of two that share its batch.
  void expect_two_equal_one(json how, int batch) {
    how["batch"] = batch;
    for (const pid_t child : start("one", 1, how)) ASSERT_EQ(wait(child), 0);
    how["batch"] = batch / 2;
    for (const pid_t child : start("two", 2, how)) ASSERT_EQ(wait(child), 0);
    const std::vector<double> one = losses("one"), two = losses("two");
    ASSERT_EQ(one.size(), 6u);
    ASSERT_EQ(two.size(), 6u);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(one[i], two[i], 2e-4 * one[i]) << "step " << i;  // order of sums
    const Checkpoint a = read_checkpoint(root_ / "one/last.checkpoint"),
                     b = read_checkpoint(root_ / "two/last.checkpoint");
    for (const auto& [name, value] : a.parameters) {
      const double difference = (value - b.parameters.at(name)).abs().max().item<double>();
      // Adam moves by lr · sign(g) where g is rounding noise; six steps of 1e-3.
      EXPECT_LT(difference, 2e-3) << name;
      EXPECT_LT((value - b.parameters.at(name)).abs().mean().item<double>(), 2e-5) << name;
    }
  }
  // What a signal to the second process does to the first.
  void expect_stop_on(int signal) {
    const std::vector<pid_t> children =
        start("death", 2, {{"task", "train"}, {"batch", 1}, {"steps", 100000}, {"pause_ms", 30}});
    const std::filesystem::path checkpoint = root_ / "death/last.checkpoint";
    for (int i = 0; i < 600 && !std::filesystem::exists(checkpoint); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_TRUE(std::filesystem::exists(checkpoint));
    ::kill(children[1], signal);
    EXPECT_EQ(wait(children[0]), 3);
    ::kill(children[1], SIGKILL);
    EXPECT_EQ(wait(children[1]), -SIGKILL);
    std::ifstream file(root_ / "death/error.0");
    std::stringstream message;
    message << file.rdbuf();
    EXPECT_NE(message.str().find("process 0 of 2 lost the others"), std::string::npos) << message.str();
    EXPECT_GE(read_checkpoint(checkpoint).step, 2);
  }
  std::vector<double> losses(const std::string& name) const {
    std::vector<double> values;
    std::ifstream file(root_ / name / "metrics.jsonl");
    for (std::string line; std::getline(file, line);)
      if (const json record = json::parse(line); record.contains("loss"))
        values.push_back(record["loss"].get<double>());
    return values;
  }

  std::filesystem::path root_;
};

TEST_F(Distributed, TwoProcessesOfOnePictureEqualOneOfTwo) {
  expect_two_equal_one({{"task", "train"}, {"steps", 6}, {"pause_ms", 0}}, 2);
}

// Every picture is compared with the captions of both processes, and learns from what both say of it.
TEST_F(Distributed, TwoProcessesOfFourPairsEqualOneOfEight) {
  expect_two_equal_one({{"task", "pretrain"}, {"steps", 6}}, 8);
}

TEST_F(Distributed, ADeathStopsTheOthersWithAMessageAndAUsableCheckpoint) {
  expect_stop_on(SIGKILL);
}

TEST_F(Distributed, SoDoesAProcessThatNoLongerAnswers) {
  ::setenv("SAN_TIMEOUT_S", "8", 1);
  expect_stop_on(SIGSTOP);
  ::unsetenv("SAN_TIMEOUT_S");
}

TEST(RanksFromEnvironment, UnderstandsTheLaunchers) {
  using Environment = std::map<std::string, std::string>;
  const auto ranks = [](Environment e) {
    return ranks_from_environment([e](const char* name) -> const char* {
      const auto found = e.find(name);
      return found == e.end() ? nullptr : found->second.c_str();
    });
  };
  EXPECT_EQ(ranks({}).size, 1);
  const Ranks torchrun = ranks({{"RANK", "5"},
                                {"WORLD_SIZE", "8"},
                                {"LOCAL_RANK", "1"},
                                {"MASTER_ADDR", "node0"},
                                {"MASTER_PORT", "1234"}});
  EXPECT_EQ(torchrun.rank, 5);
  EXPECT_EQ(torchrun.local_rank, 1);
  EXPECT_EQ(torchrun.address, "node0");
  EXPECT_EQ(torchrun.port, 1234);
  EXPECT_EQ(ranks({{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_LOCALID", "1"}}).rank, 1);
  EXPECT_EQ(ranks({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).size, 1) << "a batch script, not srun";
  EXPECT_EQ(
      ranks(
          {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}})
          .size,
      4);
  EXPECT_THROW(ranks({{"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}}), Error)
      << "where is the first?";
  EXPECT_THROW(ranks({{"RANK", "8"}, {"WORLD_SIZE", "8"}}), Error);
  EXPECT_THROW(ranks({{"RANK", "x"}, {"WORLD_SIZE", "8"}}), Error);
  EXPECT_EQ(ranks({}).timeout, std::chrono::minutes(30));
  EXPECT_EQ(ranks({{"SAN_TIMEOUT_S", "90"}}).timeout.count(), 90);
  EXPECT_THROW(ranks({{"SAN_TIMEOUT_S", "0"}}), Error);
}

}  // namespace
}  // namespace san
