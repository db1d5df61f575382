#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "base/error.h"
#include "train/trainer_test_support.h"

namespace san {
namespace {

TEST_F(TrainerTest, LearnsAndLeavesItsFiles) {
  ToyTask task;
  const RunOptions run = options("plain");
  EXPECT_EQ(train(task, run), RunOutcome::kFinished);
  const std::vector<double> curve = losses(run);
  ASSERT_EQ(curve.size(), 60u);
  EXPECT_LT(curve.back(), 0.5 * curve.front());
  for (const char* name : {"last.checkpoint", "model.safetensors", "best.safetensors"})
    EXPECT_TRUE(std::filesystem::exists(run.out / name)) << name;
  std::ifstream best(run.out / "best.safetensors");
  int evaluation = 0;
  best >> evaluation;
  EXPECT_EQ(evaluation, 1) << "the first evaluation was the best";
}

TEST_F(TrainerTest, ResumedAfterSigkillItIsBitIdenticalToAnUninterruptedRun) {
  ToyTask whole;
  const RunOptions reference = options("whole");
  train(whole, reference);

  RunOptions run = options("killed");
  int kills = 0;
  for (int attempt = 0; attempt < 50; ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      // exec: libtorch's threads do not survive a fork.
      ::setenv("SAN_TRAINER_TEST_OUT", run.out.c_str(), 1);
      ::execl("/proc/self/exe", "train_test", "--gtest_filter=TrainerChild.*",
              "--gtest_also_run_disabled_tests", nullptr);
      ::_exit(127);
    }
    // Each life longer than the last, so that every part of a run meets its end, and the run its own.
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + 120 * attempt));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++kills;
  }
  EXPECT_GE(kills, 1) << "the run was never interrupted";
  EXPECT_EQ(losses(run), losses(reference));
  const auto expected = parameters(reference);
  for (const auto& [name, value] : parameters(run)) EXPECT_TRUE(at::equal(value, expected.at(name))) << name;
}

// The life that the test above ends; not a test of its own.
TEST(TrainerChild, Run) {
  const char* out = std::getenv("SAN_TRAINER_TEST_OUT");
  if (!out) GTEST_SKIP() << "runs as a child of ResumedAfterSigkill…";
  ToyTask task(/*pause_ms=*/5);
  RunOptions o;
  o.out = out;
  o.steps = 60, o.log_every = 1, o.checkpoint_every = 7, o.evaluate_every = 20, o.quiet = true,
  o.accumulate = 2;
  o.recipe = R"({"SEED":1})", o.resume = true;
  OptimizerOptions optimizer;
  optimizer.lr = 0.02;
  const std::atomic<bool> never{false};
  EXPECT_EQ(Trainer(task, o, optimizer, {}).run(never), RunOutcome::kFinished);
}

TEST_F(TrainerTest, AnInterruptSavesAndLeavesAConsistentRun) {
  RunOptions run = options("interrupted");
  run.checkpoint_every = 0;
  const std::atomic<bool> at_once{true};
  OptimizerOptions optimizer;
  optimizer.lr = 0.02;
  {
    ToyTask task;
    EXPECT_EQ(Trainer(task, run, optimizer, {}).run(at_once), RunOutcome::kInterrupted);
  }
  const Checkpoint saved = read_checkpoint(run.out / "last.checkpoint");
  EXPECT_EQ(saved.step, 0) << "a step was finished after the wish to stop";
  EXPECT_EQ(saved.batches, 1) << "nothing of the step was kept";
  ToyTask task;
  run.resume = true;
  EXPECT_EQ(train(task, run), RunOutcome::kFinished);
  EXPECT_EQ(losses(run).size(), 60u);
}

TEST_F(TrainerTest, AnInterruptedEvaluationIsNotRecordedAndMadeUpForOnResuming) {
  RunOptions run = options("unmeasured");
  run.evaluate_every = 0;
  OptimizerOptions optimizer;
  optimizer.lr = 0.02;
  const auto evaluations = [&] {
    int count = 0;
    std::ifstream file(run.out / "metrics.jsonl");
    for (std::string line; std::getline(file, line);)
      count += json::parse(line).contains("evaluation") ? 1 : 0;
    return count;
  };
  {
    ToyTask task;
    std::atomic<bool> flag{false};
    task.interrupt_evaluation(&flag);
    EXPECT_EQ(Trainer(task, run, optimizer, {}).run(flag), RunOutcome::kFinished);
  }
  EXPECT_EQ(evaluations(), 0);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 60);
  EXPECT_TRUE(std::filesystem::exists(run.out / "model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(run.out / "best.safetensors"));
  ToyTask task;
  run.resume = true;
  EXPECT_EQ(train(task, run), RunOutcome::kFinished);
  EXPECT_EQ(evaluations(), 1);
  EXPECT_EQ(losses(run).size(), 60u);
  EXPECT_TRUE(std::filesystem::exists(run.out / "best.safetensors"));
}

TEST_F(TrainerTest, NanNamesTheOpAndKeepsTheLastGoodParameters) {
  ToyTask task(0, /*poisoned_step=*/30);
  const RunOptions run = options("nan");
  try {
    train(task, run);
    FAIL() << "infinite values went unnoticed";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("step 30: activate (toy): the result has NaN or infinite values"),
              std::string::npos)
        << e.what();
  }
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 28);
}

TEST_F(TrainerTest, RefusesToOverwriteOrToResumeAnotherRecipe) {
  RunOptions run = options("guarded");
  run.steps = 3;
  {
    ToyTask task;
    train(task, run);
  }
  ToyTask task;
  EXPECT_THROW(train(task, run), Error);
  run.resume = true, run.recipe = R"({"SEED":2})";
  EXPECT_THROW(train(task, run), Error);
}

TEST_F(TrainerTest, TimeBudgetsDriveScheduleAndStop) {
  ToyTask task(/*pause_ms=*/2);
  RunOptions run = options("timed");
  run.steps = 0, run.minutes = 0.02, run.checkpoint_every = 0, run.evaluate_every = 0;
  EXPECT_EQ(train(task, run), RunOutcome::kFinished);
  EXPECT_GE(read_checkpoint(run.out / "last.checkpoint").elapsed_s, 1.2);

  ToyTask stopped(/*pause_ms=*/2);
  run = options("stopped");
  run.steps = 1'000'000, run.max_minutes = 0.005, run.checkpoint_every = 0, run.evaluate_every = 0;
  EXPECT_EQ(train(stopped, run), RunOutcome::kOutOfTime);
  EXPECT_TRUE(std::filesystem::exists(run.out / "last.checkpoint"));
}

TEST_F(TrainerTest, AFullDiskLosesNothing) {
  RunOptions run = options("full");
  run.steps = 3;
  {
    ToyTask task;
    train(task, run);
  }
  const Checkpoint before = read_checkpoint(run.out / "last.checkpoint");
  // What a full disk does to the next checkpoint: the writer fails before the rename.
  rlimit old{}, tiny{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  tiny = old, tiny.rlim_cur = 16;
  std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tiny);
  Checkpoint next = before;
  next.step = 99;
  EXPECT_THROW(write_checkpoint(run.out / "last.checkpoint", next), Error);
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 3);
}

// What a full disk does, by a limit on the size of files: nothing fits from the tenth step to the end of the
// run.
TEST_F(TrainerTest, ARunThatMeetsAFullDiskGoesOnAndSavesItselfWhenThereIsRoom) {
  RunOptions reference = options("roomy"), run = options("crowded");
  ToyTask whole;
  train(whole, reference);
  rlimit old{}, tiny{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  tiny = old, tiny.rlim_cur = 16;
  std::signal(SIGXFSZ, SIG_IGN);
  ToyTask task;
  task.at_step(10, [&] { ::setrlimit(RLIMIT_FSIZE, &tiny); });
  std::thread someone_makes_room;
  task.at_step(59, [&] {
    if (someone_makes_room.joinable()) return;
    someone_makes_room = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(900));
      ::setrlimit(RLIMIT_FSIZE, &old);
    });
  });
  // The models are missing: a run must not end as if it had written them.
  try {
    train(task, run);
    ADD_FAILURE() << "nobody was told that there is no model";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("--resume"), std::string::npos) << e.what();
  }
  someone_makes_room.join();
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 60);
  const auto expected = parameters(reference);
  for (const auto& [name, value] : parameters(run)) EXPECT_TRUE(at::equal(value, expected.at(name))) << name;

  ToyTask again;
  run.resume = true;
  EXPECT_EQ(train(again, run), RunOutcome::kFinished);
  EXPECT_TRUE(std::filesystem::exists(run.out / "model.safetensors"));
  EXPECT_EQ(losses(run), losses(reference));
}

TEST_F(TrainerTest, ADiskThatStaysFullIsAnError) {
  RunOptions run = options("hopeless");
  run.patience_s = 0;
  rlimit old{}, tiny{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  tiny = old, tiny.rlim_cur = 16;
  std::signal(SIGXFSZ, SIG_IGN);
  ToyTask task;
  task.at_step(30, [&] { ::setrlimit(RLIMIT_FSIZE, &tiny); });
  EXPECT_THROW(train(task, run), Error);
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 28);
}

}  // namespace
}  // namespace san
