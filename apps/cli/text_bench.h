#pragma once
#include <string>

#include "common.h"

namespace san::cli {

/// What `san bench --text` times: the text tower on a label set's names in every template, with what prompts
/// have in common computed once and without.
struct TextBench {
  const ModelArguments& model;
  std::string label_set = "coco-stuff-171", templates;  ///< templates empty: the model's own
  int names = 171;                                      ///< of the set, spread evenly over it
  int repeat = 5;
  bool json = false;
};

void run_text_bench(const TextBench& options, const Program& program);

}  // namespace san::cli
