#include "train/verify_golden.h"

#include <gtest/gtest.h>

#include "checkpoint/test_files.h"

namespace san {
namespace {

TEST(TrainingGolden, EveryRecordedValueIsReproduced) {
  const std::filesystem::path path = test::golden("train_tiny.safetensors");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "NOT CHECKED: no golden file at " << path;
  for (const GoldenCheck& check : verify_training_golden(path)) {
    EXPECT_TRUE(check.passed()) << check.name << ": " << check.deviation << " > " << check.limit << " at "
                                << check.worst;
    std::printf("%-26s %3d tensors  %.3g (limit %.3g%s) %s\n", check.name.c_str(),
                static_cast<int>(check.count), check.deviation, check.limit,
                check.relative ? " of the rms" : "", check.worst.c_str());
  }
}

}  // namespace
}  // namespace san
