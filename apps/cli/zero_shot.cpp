#include "zero_shot.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "common.h"
#include "image/preprocess.h"
#include "model/san.h"
#include "program/companion.h"
#include "world/export/export.h"
#include "world/samplers.h"

namespace san::cli {
namespace {

struct Group {
  Role role;
  const char *pictures, *key;
};
constexpr Group kGroups[] = {{Role::kTrain, "art styles trained on", "train"},
                             {Role::kHeldOutStyle, "held-out style", "style"},
                             {Role::kNearStyle, "near style", "near_style"},
                             {Role::kPhoto, "photo cut-outs", "photo"}};
constexpr int kBatch = 32;
constexpr int kLargest = 128;  // the world's sprites are 96 pixels: larger pictures would show no more

double percent(int part, int whole) {
  return 100.0 * part / std::max(1, whole);
}

// Adds one picture's similarities [classes].
void count(std::span<const float> row, int subject, ZeroShotScore& score) {
  const auto better = std::ranges::count_if(
      row, [&, own = row[static_cast<std::size_t>(subject)]](float v) { return v > own; });
  ++score.count;
  score.first += better < 1, score.among_five += better < 5;
}

}  // namespace

std::vector<ZeroShotScore> zero_shot_scores(const ModelArguments& arguments, const DemoWorldArguments& where,
                                            const EncodingOptions& words, const Program& program,
                                            bool quiet) {
  const LoadedModel model = arguments.load();
  const SanConfig config = san_config(model, "demo-world --split crops");
  const std::unique_ptr<Backend> backend = arguments.make_backend(model, program);
  Backend& b = *backend;
  ParamLoader loader(b, *model.parameters);
  const San network(loader, config);
  ThreadPool pool(arguments.threads);
  const auto world = World::load(world_file(where.concepts), built_picture_files(where.world), &pool);
  std::vector<std::string> names;
  for (const Concept& c : world->concepts()) names.push_back(c.name);
  const auto vocabulary = encode_vocabulary(model, b, make_classes(names), words);
  require(vocabulary->row_count() == static_cast<int>(names.size()), "a concept's name has synonyms");
  const int side =
      std::min(kLargest, static_cast<int>(static_cast<double>(config.short_side) * config.clip_scale));
  const Tensor text = b.from_host({1, vocabulary->row_count(), vocabulary->dim}, vocabulary->rows);

  std::vector<ZeroShotScore> scores;
  for (const Group& group : kGroups) {
    if (std::ranges::none_of(world->sprites(), [&](const auto& s) { return world->role(s) == group.role; }))
      continue;
    const EvalCrops crops(world, group.role, side, 1);
    ZeroShotScore score{group.pictures, group.key};
    Progress bar(group.pictures, crops.size(), quiet);
    Image picture(side, side);
    for (int begin = 0; begin < crops.size() && !program.interrupted; begin += kBatch) {
      const int batch = std::min(kBatch, crops.size() - begin);
      std::vector<float> values;
      for (int i = 0; i < batch; ++i) {
        crops.picture(begin + i, picture.rgb.data());
        const Preprocessed input = preprocess(picture, 1);
        values.insert(values.end(), input.values.begin(), input.values.end());
      }
      const Tensor embeddings =
          network.embed_images(b, b.from_host({batch, std::int64_t{side} * side, 3}, values), {side, side});
      const std::vector<float> similarity =
          b.to_host(b.matmul(b.reshape(embeddings, {1, batch, vocabulary->dim}), text, true));
      for (int i = 0; i < batch; ++i)
        count({similarity.data() + static_cast<std::size_t>(i) * names.size(), names.size()},
              crops.subject(begin + i), score);
      bar.advance(batch);
    }
    require(!program.interrupted, "interrupted; nothing is reported of a part");
    scores.push_back(std::move(score));
  }
  return scores;
}

std::string zero_shot_text(const std::vector<ZeroShotScore>& scores) {
  std::string out =
      fmt::format("{:<24}{:>10}{:>9}{:>9}\n", "single objects", "pictures", "top-1 %", "top-5 %");
  for (const ZeroShotScore& s : scores)
    out += fmt::format("{:<24}{:>10}{:>9.1f}{:>9.1f}\n", s.pictures, s.count, percent(s.first, s.count),
                       percent(s.among_five, s.count));
  return out;
}

std::string zero_shot_json(const std::vector<ZeroShotScore>& scores) {
  nlohmann::ordered_json out;
  for (const ZeroShotScore& s : scores) {
    out["top1_" + s.key] = percent(s.first, s.count);
    out["top5_" + s.key] = percent(s.among_five, s.count);
    out["count_" + s.key] = s.count;
  }
  return out.dump(2) + "\n";
}

}  // namespace san::cli
