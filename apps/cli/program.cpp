#include "program.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace san::cli {
namespace {

std::atomic<bool> interrupted_flag{false};  // a handler reaches nothing else
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  if (interrupted_flag.exchange(true)) std::signal(signal, SIG_DFL), std::raise(signal);
}

}  // namespace

const std::atomic<bool>& catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return interrupted_flag;
}

std::filesystem::path torch_companion() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "san-torch";
}

void Program::run_torch_companion() const {
#ifndef SAN_WITH_TORCH
  const std::filesystem::path companion = torch_companion();
  ::execv(companion.c_str(), arguments);
  fail("{}: cannot run: {}; training and the torch backend need a build with libtorch", companion.string(),
       std::strerror(errno));
#endif
}

}  // namespace san::cli
