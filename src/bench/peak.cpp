#include "bench/peak.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/private_file.h"

namespace san {
namespace {

/// What a program prints. Throws Error when it cannot be started or fails.
std::string output_of(const std::filesystem::path& program, std::string argument) {
  int ends[2];
  require(::pipe2(ends, O_CLOEXEC) == 0, "cannot make a pipe: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string path = program.string();
  char* arguments[] = {path.data(), argument.data(), nullptr};
  pid_t child = -1;
  const int code = ::posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  std::array<char, 256> part;
  for (ssize_t got = 1; code == 0 && got != 0;) {
    got = ::read(ends[0], part.data(), part.size());
    if (got > 0) text.append(part.data(), static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  ::close(ends[0]);
  require(code == 0, "{}: cannot start: {}", path, std::strerror(code));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "{}: could not measure the matmul peak", path);
  return text;
}

}  // namespace

MatmulPeak measure_matmul_peak(int threads) {
  const std::filesystem::path program = find_private_file("san-peak");
  const std::string text = output_of(program, std::to_string(threads));
  MatmulPeak peak;
  char* end = nullptr;
  peak.best = std::strtod(text.c_str(), &end);
  peak.median = std::strtod(end, nullptr);
  require(peak.best > 0 && peak.median > 0, "{}: printed \"{}\", expected best and median in GFLOP/s",
          program.string(), text);
  return peak;
}

PeakTurns::PeakTurns(int threads) : threads_(threads) {
  const MatmulPeak first = measure_matmul_peak(threads_);
  best_ = first.best, median_ = first.median;
}

double PeakTurns::next() {
  const MatmulPeak now = measure_matmul_peak(threads_);
  const double around = (median_ + now.median) / 2;
  best_ = std::max(best_, now.best), median_ = now.median;
  return around;
}

}  // namespace san
