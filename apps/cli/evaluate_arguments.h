#pragma once
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "answer_arguments.h"
#include "common.h"
#include "demo_world.h"
#include "picture_arguments.h"
#include "san/label_sets.hpp"
#include "shard_argument.h"
#include "view_arguments.h"

namespace san::cli {

struct EvaluateArguments {
  ModelArguments model;
  DemoWorldArguments world;
  PictureArguments pictures;
  AnswerArguments answers;
  std::string templates, cache_dir, method;
  bool no_cache = false;
  ViewArguments views;
  int short_side = 0;
  std::string dataset, split, save = "none";
  ShardArgument shard;
  ClassArguments classes;
  std::filesystem::path calibrate, data, images, labels, predictions, output, seen, unseen;
  std::vector<std::filesystem::path> merge;
  int ignore = -1;
  std::int64_t limit = 0;
  bool strict = false, check = false, quiet = false, all_classes = false, json = false, sweep = false;

  bool is_demo_world() const { return dataset == "demo-world"; }
  /// Whose list --synonyms means.
  std::string synonyms_of(const std::string& name) const {
    const std::vector<std::string> sets = shipped_label_sets();
    if (std::ranges::find(sets, name) != sets.end()) return name;
    return is_demo_world() || model.model == "default" ? "demo-world" : "";
  }
  VocabularyArguments words() const {
    VocabularyArguments out;
    out.templates = templates, out.cache_dir = cache_dir, out.no_cache = no_cache, out.quiet = quiet;
    return out;
  }
};

}  // namespace san::cli
