#include "image/sandbox/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/test_error.h"

namespace san::sandbox {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace fs = std::filesystem;

using Pixel = std::array<std::byte, 3>;
constexpr Pixel kGood{std::byte{1}, std::byte{2}, std::byte{3}};

Limits test_limits() {
  Limits limits;
  limits.max_pixels = 1 << 20;
  return limits;
}

Pixel decode(Sandbox& sandbox, const std::string& order, const Limits& limits = test_limits()) {
  Pixel pixel{};
  sandbox.run(Task::kRgb, std::as_bytes(std::span(order)), "the picture", limits,
              {[&](int, int) { return pixel.data(); }, {}});
  return pixel;
}

std::string error_of(Sandbox& sandbox, const std::string& order, const Limits& limits = test_limits()) {
  return test::error_of([&] { decode(sandbox, order, limits); });
}

std::vector<int> children() {
  std::vector<int> found;
  for (const auto& entry : fs::directory_iterator("/proc/self/task"))
    if (std::FILE* file = std::fopen((entry.path() / "children").c_str(), "r")) {
      for (int pid = 0; std::fscanf(file, "%d", &pid) == 1;) found.push_back(pid);
      std::fclose(file);
    }
  return found;
}

std::size_t open_descriptors() {
  const fs::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class SandboxTest : public ::testing::Test {
 protected:
  Sandbox sandbox_{SAN_MISBEHAVING_HELPER};
};

TEST_F(SandboxTest, GoodPicturesArriveFromOneHelper) {
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
  const auto helpers = children();
  EXPECT_EQ(helpers.size(), 1u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(decode(sandbox_, "good"), kGood);
  EXPECT_EQ(decode(sandbox_, "in parts"), kGood);
  EXPECT_EQ(children(), helpers);
}

TEST_F(SandboxTest, CrashesAreOneErrorAndTheNextPictureWorks) {
  for (const char* order : {"crash", "abort", "trap", "exit", "crash late"}) {
    EXPECT_THAT(error_of(sandbox_, order),
                AllOf(StartsWith("the picture: the decoder "), HasSubstr("leave it out")))
        << order;
    EXPECT_EQ(decode(sandbox_, "good"), kGood) << order;
  }
  EXPECT_THAT(error_of(sandbox_, "abort"), HasSubstr("signal 6"));
  EXPECT_THAT(error_of(sandbox_, "exit"), HasSubstr("exit code 7"));
}

TEST_F(SandboxTest, WhatDecodersDoNotNeedIsForbidden) {
  if (sandbox_.describe().find("not on this system") != std::string::npos &&
      sandbox_.describe().find("; not on this system: memory limit") == std::string::npos)
    GTEST_SKIP() << sandbox_.describe();
  for (const std::string order : {"open", "create", "socket", "fork", "execute", "kill the program",
                                  "handler", "code", "grow the output", "write the input"}) {
    if (kSanitized && order == "handler") continue;  // what finds something may set one
    EXPECT_THAT(error_of(sandbox_, order), HasSubstr("asked the system for something")) << order;
    EXPECT_EQ(decode(sandbox_, "good"), kGood) << order;
  }
  EXPECT_FALSE(fs::exists("/tmp/san-sandbox-was-here"));
}

TEST_F(SandboxTest, LoopsEnd) {
  Limits limits = test_limits();
  limits.seconds = 0.2;
  EXPECT_THAT(error_of(sandbox_, "spin", limits), HasSubstr("took too long"));
  limits = test_limits();
  limits.cpu_seconds = 1;  // the kernel counts whole seconds
  EXPECT_THAT(error_of(sandbox_, "spin", limits), HasSubstr("took too long"));
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
}

TEST_F(SandboxTest, MemoryEnds) {
  if (sandbox_.describe().find("not on this system: memory limit") != std::string::npos)
    GTEST_SKIP() << sandbox_.describe();
  Limits limits = test_limits();
  limits.memory_bytes = std::uint64_t{100} << 20;
  const auto helpers = children();
  EXPECT_THAT(error_of(sandbox_, "allocate", limits),
              AllOf(StartsWith("the picture: "), HasSubstr("memory")));
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
  EXPECT_EQ(children(), helpers) << "running out of memory is no reason to start anew";
}

TEST_F(SandboxTest, LiesAboutTheSizeAreRefused) {
  for (const char* order : {"huge", "negative"})
    EXPECT_THAT(error_of(sandbox_, order), HasSubstr("at most 1048576 are decoded")) << order;
  EXPECT_THAT(error_of(sandbox_, "two sizes"), HasSubstr("broke off"));
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
}

TEST_F(SandboxTest, LiesAboutHowFarItIsAreRefused) {
  EXPECT_THAT(error_of(sandbox_, "claims more"), HasSubstr("claims 4 of 3 bytes"));
  EXPECT_THAT(error_of(sandbox_, "claims again"), HasSubstr("claims 2 of 3 bytes"));
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
}

TEST_F(SandboxTest, TextOfTheHelperIsCleaned) {
  EXPECT_EQ(error_of(sandbox_, "escape"), R"(the picture: \x1b[31mred?)");
}

TEST_F(SandboxTest, HelpersSeeNothingOfTheProgram) {
  ::setenv("SAN_TEST_SECRET", "token", 1);
  EXPECT_EQ(error_of(sandbox_, "environment"), "the picture: empty");
  EXPECT_EQ(error_of(sandbox_, "descriptors"), "the picture: 0 more");
}

TEST_F(SandboxTest, HelpersKilledFromOutsideAreReplaced) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(decode(sandbox_, "good"), kGood);
    for (const int pid : children()) {
      ::kill(pid, SIGKILL);
      siginfo_t ended{};
      ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT);
    }
  }
}

TEST_F(SandboxTest, ThreadsDecodeAtOnce) {
  std::vector<std::thread> threads;
  std::array<int, 8> good{};
  for (std::size_t t = 0; t < good.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        good[t] += decode(sandbox_, "good") == kGood;
        if (i == 5) error_of(sandbox_, "abort");
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, ::testing::Each(10));
}

TEST_F(SandboxTest, AForkedProcessUsesHelpersOfItsOwn) {
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(decode(sandbox_, "good") == kGood && children().size() == 1 ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(decode(sandbox_, "good"), kGood);
}

TEST(Sandbox, NothingIsLeftBehind) {
  const std::size_t descriptors = open_descriptors();
  {
    Sandbox sandbox(SAN_MISBEHAVING_HELPER);
    for (int i = 0; i < 100; ++i) error_of(sandbox, i % 10 == 9 ? "abort" : "good");
    EXPECT_LE(children().size(), 1u) << "zombies";
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST(Sandbox, MissingHelperIsNamed) {
  Sandbox sandbox("no-such-helper");
  EXPECT_THAT(error_of(sandbox, "good"),
              AllOf(StartsWith("no-such-helper is missing from this installation"), HasSubstr("looked in")));
  Sandbox foreign("/bin/true");
  EXPECT_THAT(error_of(foreign, "good"), HasSubstr("/bin/true: the decoding helper does not start"));
}

}  // namespace
}  // namespace san::sandbox
