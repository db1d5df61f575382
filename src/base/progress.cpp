#include "base/progress.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace san {
namespace {

std::string duration(double seconds) {
  const auto s = std::llround(seconds);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

constexpr double kMegabyte = 1e6;

}  // namespace

Progress::Progress(std::string what, std::int64_t total, bool quiet, Unit unit, std::int64_t before)
    : what_(std::move(what)),
      unit_(unit),
      total_(total),
      before_(before),
      done_(before),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {
  drawn_ = start_;
}

Progress::~Progress() {
  finish();
}

void Progress::advance(std::int64_t steps, std::string_view note) {
  done_ += steps;
  if (!note.empty()) note_ = note;
  const auto interval = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000);
  if (std::chrono::steady_clock::now() - drawn_ >= interval) draw(false);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  draw(true);
}

void Progress::draw(bool last) {
  if (quiet_) return;
  drawn_ = std::chrono::steady_clock::now();
  const double elapsed = std::chrono::duration<double>(drawn_ - start_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done_ - before_) / elapsed : 0;
  const bool bytes = unit_ == Unit::kBytes;
  const auto amount = [&](std::int64_t value) {
    return bytes ? fmt::format("{:.1f}", static_cast<double>(value) / kMegabyte) : fmt::format("{}", value);
  };
  const std::string unit = bytes ? " MB" : "";
  const std::string speed = fmt::format("{:.3g}{}/s", bytes ? rate / kMegabyte : rate, unit);
  std::string line = what_;
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    if (terminal_) {
      const int filled = static_cast<int>(share * 24);
      line += fmt::format(" [{:=<{}}{:<{}}]", "", filled, "", 24 - filled);
    }
    line += fmt::format(" {}/{}{}", amount(done_), amount(total_), unit);
    line += last ? fmt::format(" in {}", duration(elapsed))
                 : fmt::format(" {}, {} left", speed,
                               rate > 0 ? duration(static_cast<double>(total_ - done_) / rate) : "?");
  } else {
    line += fmt::format(" {}{} ({})", amount(done_), unit, speed);
  }
  if (!note_.empty()) line += "  " + note_;
  if (terminal_)
    fmt::print(stderr, "\r{}\x1b[K{}", line, last ? "\n" : "");
  else
    fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
}

}  // namespace san
