// What decides whether a change may land, with a `make` that is a script of this test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/files.h"
#include "support/process.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Ci : public ::testing::Test {
 protected:
  /// `make`: the body of a shell script that gets the target as $1.
  ProcessResult run(const std::string& make, const std::string& seconds) const {
    write_file(folder_ / "make", "#!/bin/sh\n" + make + "\n");
    fs::permissions(folder_ / "make", fs::perms::owner_all);
    ProcessOptions options;
    options.environment = {{"PATH", folder_.path().string() + ":" + std::getenv("PATH")},
                           {"CI_SECONDS", seconds}};
    return run_process({SAN_SOURCE_DIR "/.ci/run"}, options);
  }
  TemporaryFolder folder_;
};

TEST_F(Ci, SaysOfEachCheckThatItWasMade) {
  const ProcessResult r = run("true", "600");
  EXPECT_EQ(r.code, 0) << r.out << r.err;
  for (const char* target : {"format-check", "test", "asan-parsers", "tsan-threads", "tidy-changed"})
    EXPECT_THAT(r.out, HasSubstr(std::string(" s: make ") + target + "\n"));
}

TEST_F(Ci, WhatHadNoTimeIsTheLastLineAndACodeOfItsOwn) {
  const ProcessResult r = run("sleep 600", "1");
  EXPECT_EQ(r.code, 3);
  EXPECT_THAT(r.out, StartsWith("NOT CHECKED, time was up: make format-check, make test, make asan-parsers, "
                                "make tsan-threads, make tidy-changed\n"));
}

TEST_F(Ci, FilesThatTidyLeavesAreNamedAndStopNothing) {
  const ProcessResult r = run("[ $1 != tidy-changed ] || echo clang-tidy src/a.cpp >>$TIDY_LEFT", "600");
  EXPECT_EQ(r.code, 0);
  EXPECT_THAT(r.out, EndsWith("\nNOT CHECKED, time was up: clang-tidy src/a.cpp\n"));
}

TEST_F(Ci, AFailureEndsIt) {
  const ProcessResult r = run("[ $1 != asan-parsers ] || exit 2", "600");
  EXPECT_EQ(r.code, 2);
  EXPECT_THAT(r.out, Not(HasSubstr("tsan-threads")));
}

}  // namespace
}  // namespace san::testing
