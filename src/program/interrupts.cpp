#include "program/interrupts.h"

#include <csignal>

namespace san {
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

}  // namespace san
