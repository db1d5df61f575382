#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "program/words/vocabulary_arguments.h"
#include "san/model.hpp"

namespace san::video {

/// The command line of `san video`.
struct Arguments {
  std::vector<std::string> inputs, named_inputs;
  std::string model = "default", backend = "native", precision = "model", text_precision = "fp32", method,
              bpe, seed;
  int threads = 0;
  VocabularyArguments words;
  std::string distractors;
  std::string output = "out", background = "none", palette = "distinct", preprocessing = "evaluation";
  std::vector<std::string> save{"video"};
  std::string format = "auto", labels_as = "ffv1";
  bool no_sound = false, live = false, skip_done = false;
  int quality = 0, short_side = 0, stride = 1;
  std::string temporal = "off", truth;
  int every = 1, part_frames = 250;
  std::int64_t first = 0, frames = 0, max_pixels = 100'000'000;

  void add_to(CLI::App& app);
  /// Inputs, however they were given. Throws Error when there are none.
  std::vector<std::string> all_inputs() const;
  bool saves(std::string_view what) const;
  ModelOptions model_options() const;
};

}  // namespace san::video
