#include "program.h"

#include <algorithm>
#include <csignal>
#include <vector>

#include "program/companion.h"

namespace san::cli {
namespace {

std::atomic<bool> interrupted_flag{false};  // a handler reaches nothing else
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  if (interrupted_flag.exchange(true)) std::signal(signal, SIG_DFL), std::raise(signal);
}

std::vector<std::string> words(char** arguments) {
  std::vector<std::string> all;
  for (; *arguments != nullptr; ++arguments) all.emplace_back(*arguments);
  return all;
}

}  // namespace

const std::atomic<bool>& catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return interrupted_flag;
}

std::filesystem::path torch_companion() {
  return program_folder() / "san-torch";
}

void Program::run_torch_companion() const {
#ifndef SAN_WITH_TORCH
  become_companion("san-torch", words(arguments),
                   "training and the torch backend need a build with libtorch");
#endif
}

void Program::run_world_companion() const {
  std::vector<std::string> rest = words(arguments);
  if (const auto word = std::ranges::find(rest, "world"); word != rest.end()) rest.erase(word);
  become_companion("san-world", std::move(rest), "that program builds and renders the demo world");
}

}  // namespace san::cli
