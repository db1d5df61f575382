#include "program.h"

#include <algorithm>
#include <vector>

#include "program/companion.h"

namespace san::cli {
namespace {

std::vector<std::string> words(char** arguments) {
  std::vector<std::string> all;
  for (; *arguments != nullptr; ++arguments) all.emplace_back(*arguments);
  return all;
}

/// The command's own word is what the companion's name says already.
std::vector<std::string> words_without(char** arguments, const char* command) {
  std::vector<std::string> rest = words(arguments);
  if (const auto word = std::ranges::find(rest, command); word != rest.end()) rest.erase(word);
  return rest;
}

}  // namespace

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
  become_companion("san-world", words_without(arguments, "world"),
                   "that program builds and renders the demo world");
}

void Program::run_pull_companion() const {
  become_companion("san-pull", words_without(arguments, "pull"), "that program fetches models");
}

void Program::run_serve_companion() const {
  become_companion("san-serve", words_without(arguments, "serve"), "that program answers over HTTP");
}

void Program::run_export_companion(std::vector<std::string> words) const {
  if (words.empty())
    words = words_without(arguments, "export");
  else
    words.insert(words.begin(), arguments[0]);
  become_companion("san-export", std::move(words),
                   "that program writes ONNX graphs, in builds with libonnx-dev");
}

}  // namespace san::cli
