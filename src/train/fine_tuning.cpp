#include "train/fine_tuning.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "train/start_model.h"

namespace san {
namespace {

constexpr const char* kWhere = "the recipe for fine-tuning";
constexpr const char* kFactsKey = "fine_tuning";

struct Facts {
  double rate = 0, clip_gradients = 0;
  std::vector<std::string> parts;
};

// Below this width of its image tower a CLIP is one of ours: OpenAI's begin at 768.
constexpr std::int64_t kLargeClip = 512;

Facts facts_of(const SanConfig& config, const ModelMetadata& metadata) {
  Facts facts = config.clip.width < kLargeClip
                    ? Facts{2e-4, 0.1, {"adapter", "background", "position", "clip_vision"}}
                    : Facts{5e-5, 0.01, {"adapter", "background", "position"}};
  const auto said = metadata.extra.find(kFactsKey);
  if (said == metadata.extra.end()) return facts;
  try {
    const nlohmann::json json = nlohmann::json::parse(said->second);
    json.at("rate").get_to(facts.rate);
    json.at("clip_gradients").get_to(facts.clip_gradients);
    json.at("parts").get_to(facts.parts);
  } catch (const nlohmann::json::exception& e) {
    fail("the model file's {}: {}", kFactsKey, e.what());
  }
  return facts;
}

}  // namespace

std::string fine_tuning_yaml(const SanConfig& config, const ModelMetadata& metadata, bool quick) {
  const Facts facts = facts_of(config, metadata);
  const std::int64_t size = config.short_side;
  const bool large = config.clip.width >= kLargeClip;
  // The official augmentation, in proportion: short sides of half to one and a half of the model's, and as
  // many points for an area as 112² for 640². Quick: crops of five eighths of the side, which cost a third.
  constexpr double kOfficialSize = 640, kOfficialPoints = 112 * 112;
  const std::int64_t crop = quick ? (size * 5 / 8 + 31) / 32 * 32 : size;
  std::vector<std::int64_t> sides;
  for (int tenths = 5; tenths <= (quick ? 10 : 15); ++tenths) sides.push_back((size * tenths + 5) / 10);
  const double share = static_cast<double>(crop) / kOfficialSize;
  const auto points = static_cast<std::int64_t>(std::llround(kOfficialPoints * share * share));
  const std::string solver =
      quick ? "IMS_PER_BATCH: 4, MAX_ITER: 300, MAX_MINUTES: 12, LR_SCHEDULER_NAME: cosine, WARMUP: 0.05, "
              "CHECKPOINT_PERIOD: 50, LOG_PERIOD: 5"
            : fmt::format("IMS_PER_BATCH: 8, MAX_ITER: {}, CHECKPOINT_PERIOD: 100, LOG_PERIOD: 10",
                          large ? 2000 : 1000);
  return fmt::format(
      "MODEL: {{TRAINABLE: [{}]}}\n"
      "INPUT: {{CROP_SIZE: {}, MIN_SIZE_TRAIN: [{}], MAX_SIZE_TRAIN: {}}}\n"
      "LOSS: {{TRAIN_NUM_POINTS: {}}}\n"
      "DATASETS: {{VALIDATION: 0.2}}\n"
      "SOLVER: {{BASE_LR: {}, CLIP_GRADIENTS: {}, {}}}\n"
      "TEST: {{EVAL_PERIOD: 0}}\n",
      fmt::join(facts.parts, ", "), crop, fmt::join(sides, ", "), config.long_side, points, facts.rate,
      facts.clip_gradients, solver);
}

Recipe fine_tuning_recipe(const std::vector<std::string>& overrides, bool quick) {
  // Without a word about where to start: from the built-in model.
  const bool nothing_said = [&] {
    const Recipe asked = parse_recipe("{}", kWhere, overrides);
    const auto model = asked.json.find("MODEL");
    return asked.model.init.empty() && (model == asked.json.end() || !model->contains("BASE"));
  }();
  std::vector<std::string> all = overrides;
  if (nothing_said) all.emplace_back("MODEL.INIT=default");
  const StartModel model = start_model(parse_recipe("{}", kWhere, all));
  return parse_recipe(fine_tuning_yaml(model.config, model.metadata, quick), kWhere, all);
}

std::string fine_tuning_facts(const Recipe& recipe) {
  return nlohmann::json{{"rate", recipe.optimizer.lr},
                        {"clip_gradients", recipe.optimizer.clip_norm},
                        {"parts", recipe.model.trainable}}
      .dump();
}

}  // namespace san
