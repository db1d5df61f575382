// Limits of time, parts of a batch, and which model is the best.
#include <cmath>

#include "train/trainer_test_support.h"

namespace san {
namespace {

// Every part takes a minute of the task's own clock.
TEST_F(TrainerTest, ATimeLimitHoldsWithinAStepAndLosesNothing) {
  ToyTask whole;
  whole.split(4);
  RunOptions reference = options("whole_steps");
  reference.steps = 3;
  train(whole, reference);

  RunOptions run = options("limited");
  run.steps = 3, run.max_minutes = 5, run.resume = true;
  std::vector<std::uint64_t> asked;
  int lives = 0;
  for (RunOutcome outcome = RunOutcome::kOutOfTime; outcome == RunOutcome::kOutOfTime; ++lives) {
    ASSERT_LT(lives, 9);
    ToyTask task;
    task.split(4);
    run.now = [&task] { return task.clock_s(); };
    outcome = train(task, run);
    EXPECT_LE(task.clock_s(), 5 * 60) << "a limit of five minutes was overrun";
    asked.insert(asked.end(), task.losses_asked().begin(), task.losses_asked().end());
    EXPECT_TRUE(std::filesystem::exists(run.out / "model.safetensors"));
  }
  EXPECT_EQ(lives, 5) << "three steps of two batches of four parts, five of them a life";
  EXPECT_EQ(asked, whole.losses_asked()) << "parts were lost or computed twice";
  EXPECT_EQ(losses(run), losses(reference));
  const auto expected = parameters(reference);
  for (const auto& [name, value] : parameters(run)) EXPECT_TRUE(at::equal(value, expected.at(name))) << name;
}

TEST_F(TrainerTest, ALimitShorterThanAPartStillGetsOneDoneAndSaved) {
  RunOptions run = options("short");
  run.steps = 1, run.max_minutes = 0.5, run.resume = true;
  ToyTask task;
  task.split(2);
  run.now = [&task] { return task.clock_s(); };
  EXPECT_EQ(train(task, run), RunOutcome::kOutOfTime);
  EXPECT_EQ(task.losses_asked().size(), 1u);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").parts, 1);
}

TEST_F(TrainerTest, PartsAddUpToTheirBatch) {
  ToyTask one, four;
  four.split(4);
  const RunOptions a = options("one"), b = options("four");
  train(one, a);
  train(four, b);
  const auto expected = parameters(a);
  // Sums of eight rows in another order: float32 rounding through sixty steps.
  for (const auto& [name, value] : parameters(b))
    EXPECT_TRUE(at::allclose(value, expected.at(name), 1e-3, 1e-5)) << name;
}

TEST_F(TrainerTest, TheStartIsScoredFirstAndIsTheBestUntilSomethingIsBetter) {
  RunOptions run = options("scored");
  run.steps = 2, run.evaluate_every = 0, run.score_start = true;
  ToyTask worse;
  worse.scores({0.5, 0.25});
  train(worse, run);
  Checkpoint saved = read_checkpoint(run.out / "last.checkpoint");
  EXPECT_TRUE(saved.has_start);
  EXPECT_EQ(saved.start, 0.5);
  EXPECT_EQ(saved.best, 0.5) << "training made it worse: the start is the best there is";
  std::vector<std::int64_t> measured;
  std::ifstream file(run.out / "metrics.jsonl");
  for (std::string line; std::getline(file, line);)
    if (const json record = json::parse(line); record.contains("evaluation"))
      measured.push_back(record["step"].get<std::int64_t>());
  EXPECT_EQ(measured, (std::vector<std::int64_t>{0, 2}));
  // Once is enough.
  ToyTask again;
  run.resume = true;
  train(again, run);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").start, 0.5);
}

TEST_F(TrainerTest, AScoreThatIsNoNumberChoosesNoBest) {
  RunOptions run = options("nan_scores");
  run.score_start = true;
  ToyTask none;
  none.scores({NAN, NAN, NAN, NAN, NAN});
  EXPECT_EQ(train(none, run), RunOutcome::kFinished);
  EXPECT_FALSE(std::filesystem::exists(run.out / "best.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(run.out / "model.safetensors"));
  EXPECT_FALSE(read_checkpoint(run.out / "last.checkpoint").has_best);

  run = options("some_nan");
  ToyTask some;
  some.scores({NAN, 0.2, NAN});
  train(some, run);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").best, 0.2);
}

TEST_F(TrainerTest, StepsAndTimeEndARunWhicheverComesFirst) {
  RunOptions run = options("steps_first");
  run.steps = 4, run.minutes = 100, run.evaluate_every = 0;
  ToyTask few;
  run.now = [&few] { return few.clock_s(); };
  train(few, run);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 4);
  // Two batches a step, a minute each.
  run = options("time_first");
  run.steps = 100, run.minutes = 6, run.evaluate_every = 0;
  ToyTask slow;
  run.now = [&slow] { return slow.clock_s(); };
  train(slow, run);
  EXPECT_EQ(read_checkpoint(run.out / "last.checkpoint").step, 3);
}

}  // namespace
}  // namespace san
