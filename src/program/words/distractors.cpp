#include "program/words/distractors.h"

#include <fmt/format.h>

#include <algorithm>

namespace san {
namespace {

constexpr std::size_t kShown = 8;  // names in a message

}  // namespace

void add_distractors_option(CLI::App& app, std::string& distractors, const char* usual) {
  app.add_option(
      "--distractors", distractors,
      fmt::format("Other names to look for, whose pixels become \"other\": none, auto (chosen for the "
                  "classes and the model), or NAMES separated by commas; default: {}",
                  usual));
}

std::vector<ClassName> listed_distractors(const std::string& distractors) {
  if (distractors.empty() || distractors == "none" || distractors == "auto") return {};
  return parse_class_list(distractors);
}

std::string describe_distractors(std::span<const std::string> names) {
  std::string shown;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) shown += (i ? ", " : "") + names[i];
  return fmt::format(
      "{} other names are looked for too, and what they win is \"other\": {}{} (--distractors none: "
      "every pixel gets one of the classes)",
      names.size(), shown, names.size() > kShown ? ", …" : "");
}

}  // namespace san
