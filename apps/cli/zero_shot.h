#pragma once
#include <string>
#include <vector>

#include "common.h"
#include "demo_world.h"
#include "engine/encode_vocabulary.h"

namespace san::cli {

/// How often CLIP alone names a single drawn object, out of all concepts of the demo world.
struct ZeroShotScore {
  std::string pictures;  ///< "art styles trained on", …
  std::string key;       ///< "train", "style", "near_style", "photo"
  int count = 0, first = 0, among_five = 0;
};

/// Scores every sprite of every role that the world's files have, on the fixed crops, shown to CLIP at the
/// size at which SAN shows it pictures; one at a time, without the adapter. Throws Error, also on
/// models that are no SAN; stops between batches when interrupted.
std::vector<ZeroShotScore> zero_shot_scores(const ModelArguments& arguments, const DemoWorldArguments& where,
                                            const EncodingOptions& words, const Program& program, bool quiet);

/// A table, or JSON: "top1_train", "top5_train", "count_train", …
std::string zero_shot_text(const std::vector<ZeroShotScore>& scores);
std::string zero_shot_json(const std::vector<ZeroShotScore>& scores);

}  // namespace san::cli
