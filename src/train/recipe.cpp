#include "train/recipe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>
#include <utility>

#include "base/atomic_file.h"
#include "base/bounded_json.h"
#include "base/bounded_yaml.h"
#include "base/error.h"

namespace san {
namespace {

using nlohmann::json;

constexpr int kLargestBatch = 65536, kSmallestSide = 16, kLargestSide = 16384, kMostWorkers = 1024,
              kMostPoints = 1 << 20, kMostOversampling = 100;

json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  if (text == "null" || text == "~" || text.empty()) return nullptr;
  std::size_t used = 0;
  try {
    const long long whole = std::stoll(text, &used);
    if (used == text.size()) return whole;
    const double real = std::stod(text, &used);
    if (used == text.size()) return real;
  } catch (const std::logic_error&) {
  }
  return text;
}

json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& entry : node) object[entry.first.Scalar()] = to_json(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    json list = json::array();
    for (const auto& entry : node) list.push_back(to_json(entry));
    return list;
  }
  return node.IsScalar() ? scalar(node) : json();
}

// Reads the keys of one section and remembers which there are.
class Section {
 public:
  Section(const json& root, const std::string& name, std::string where)
      : name_(name), where_(std::move(where)), values_(root.contains(name) ? root.at(name) : json::object()) {
    require(values_.is_object(), "{}: {} must be a section", where_, name_);
  }

  template <class T>
  Section& read(const char* key, T& value) {
    known_.insert(key);
    if (!values_.contains(key) || values_.at(key).is_null()) return *this;
    const json& given = values_.at(key);
    // json's own conversion would cut numbers to fit.
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      using Range = std::numeric_limits<T>;
      value = static_cast<T>(json_integer(
          given, static_cast<std::int64_t>(Range::min()),
          std::in_range<std::int64_t>(Range::max()) ? static_cast<std::int64_t>(Range::max()) : INT64_MAX,
          fmt::format("{}: {}.{}", where_, name_, key)));
    } else {
      try {
        given.get_to(value);
      } catch (const json::exception&) {
        fail("{}: {}.{} has the wrong type: {}", where_, name_, key, given.dump());
      }
    }
    return *this;
  }
  void done() const {
    for (const auto& [key, value] : values_.items())
      require(known_.contains(key), "{}: unknown key {}.{}; there are: {}", where_, name_, key,
              fmt::join(known_, ", "));
  }

 private:
  std::string name_, where_;
  json values_;
  std::set<std::string> known_;
};

void apply_override(json& root, const std::string& text) {
  const std::size_t equals = text.find('=');
  require(equals != std::string::npos && equals > 0,
          "override '{}': expected KEY=VALUE, such as SOLVER.BASE_LR=1e-3", text);
  json* place = &root;
  std::size_t begin = 0;
  const std::string key = text.substr(0, equals);
  for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', begin)) {
    place = &(*place)[key.substr(begin, dot - begin)];
    begin = dot + 1;
  }
  (*place)[key.substr(begin)] =
      to_json(parse_bounded_yaml(text.substr(equals + 1), "override '" + text + "'"));
}

Precision parse_precision(const std::string& name) {
  if (name == "fp32" || name == "off") return Precision::kF32;
  if (name == "fp16") return Precision::kF16;
  if (name == "bf16") return Precision::kBF16;
  fail("SOLVER.AMP is '{}'; expected off, fp16 or bf16", name);
}

void read_solver(const json& root, const std::string& where, Recipe& r) {
  std::string schedule = "poly", amp = "off";
  double warmup_iterations = 0;
  Section(root, "SOLVER", where)
      .read("IMS_PER_BATCH", r.batch)
      .read("MICRO_BATCH", r.micro_batch)
      .read("ACCUMULATE", r.run.accumulate)
      .read("BASE_LR", r.optimizer.lr)
      .read("MAX_ITER", r.run.steps)
      .read("MAX_MINUTES", r.run.minutes)
      .read("WEIGHT_DECAY", r.optimizer.weight_decay)
      .read("WEIGHT_DECAY_NORM", r.optimizer.weight_decay_norm)
      .read("WEIGHT_DECAY_EMBED", r.optimizer.weight_decay_embed)
      .read("CLIP_MULTIPLIER", r.optimizer.clip_multiplier)
      .read("CLIP_GRADIENTS", r.optimizer.clip_norm)
      .read("BETA2", r.optimizer.beta2)
      .read("MUON", r.optimizer.muon)
      .read("MUON_LR", r.optimizer.muon_lr)
      .read("MUON_MOMENTUM", r.optimizer.muon_momentum)
      .read("MUON_WEIGHT_DECAY", r.optimizer.muon_weight_decay)
      .read("LR_SCHEDULER_NAME", schedule)
      .read("POLY_LR_POWER", r.schedule.power)
      .read("WARMUP", r.schedule.warmup)
      .read("WARMUP_ITERS", warmup_iterations)
      .read("COOLDOWN", r.schedule.cooldown)
      .read("AMP", amp)
      .read("CHECKPOINT_PERIOD", r.run.checkpoint_every)
      .read("LOG_PERIOD", r.run.log_every)
      .done();
  require(
      std::isfinite(r.optimizer.lr) && r.optimizer.lr >= 0 && r.optimizer.beta2 >= 0 && r.optimizer.beta2 < 1,
      "{}: SOLVER.BASE_LR must be at least 0, BETA2 from 0 to below 1", where);
  r.schedule.kind = Schedule::parse(schedule);
  if (warmup_iterations > 0 && r.run.steps > 0)
    r.schedule.warmup = warmup_iterations / static_cast<double>(r.run.steps);
  r.precision = parse_precision(amp);
  r.run.loss_scaling = r.precision == Precision::kF16;
}

void read_data(const json& root, const std::string& where, Recipe& r) {
  std::string concepts, images, labels, classes;
  std::vector<std::string> pictures;
  Section(root, "DATASETS", where)
      .read("TRAIN", r.data.train)
      .read("SPLIT", r.data.split)
      .read("TEST", r.data.test)
      .read("ROOT", r.data.root)
      .read("CONCEPTS", concepts)
      .read("PICTURES", pictures)
      .read("IMAGES", images)
      .read("LABELS", labels)
      .read("CLASSES", r.data.classes)
      .read("CLASSES_FILE", classes)
      .read("VALIDATION", r.data.validation)
      .done();
  r.data.concepts = concepts, r.data.images = images, r.data.labels = labels, r.data.classes_file = classes;
  require(r.data.classes.empty() || classes.empty(), "{}: DATASETS takes CLASSES or CLASSES_FILE, not both",
          where);
  require(images.empty() || !r.data.classes.empty() || !classes.empty(),
          "{}: DATASETS.IMAGES needs CLASSES or CLASSES_FILE", where);
  r.data.pictures.assign(pictures.begin(), pictures.end());
  Section(root, "DATALOADER", where).read("NUM_WORKERS", r.data.workers).read("AHEAD", r.data.ahead).done();
  r.input.min_size = {320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960};
  Section(root, "INPUT", where)
      .read("SIZE", r.data.size)
      .read("CURRICULUM", r.data.curriculum)
      .read("SCENES", r.data.scenes)
      .read("CLUTTER", r.data.clutter)
      .read("RESTYLE", r.data.restyle)
      .read("OBJECTS", r.data.objects)
      .read("MIN_SIZE_TRAIN", r.input.min_size)
      .read("MAX_SIZE_TRAIN", r.input.max_size)
      .read("CROP_SIZE", r.input.crop)
      .read("COLOR_AUG_SSD", r.input.color_jitter)
      .read("RANDOM_FLIP", r.input.flip)
      .done();
  Section(root, "TEXT", where)
      .read("VOCABULARY", r.data.vocabulary)
      .read("CONTEXT", r.data.context)
      .read("TEMPLATES", r.templates)
      .read("BPE", r.bpe)
      .done();
}

}  // namespace

Recipe parse_recipe(const std::string& yaml, const std::string& where,
                    const std::vector<std::string>& overrides) {
  Recipe r;
  r.json = to_json(parse_bounded_yaml(yaml, where));
  if (r.json.is_null()) r.json = json::object();
  require(r.json.is_object(), "{}: a recipe has sections such as MODEL and SOLVER", where);
  try {
    for (const std::string& text : overrides) apply_override(r.json, text);
  } catch (const json::exception& e) {
    fail("{}: {}", where, json_reason(e));
  } catch (const Error& e) {
    fail("{}: {}", where, e.what());
  }
  const std::set<std::string> sections{"MODEL",  "DATASETS", "DATALOADER", "INPUT", "TEXT",
                                       "SOLVER", "LOSS",     "CONTRAST",   "TEST",  "SEED"};
  for (const auto& [key, value] : r.json.items())
    require(sections.contains(key), "{}: unknown section {}; there are: {}", where, key,
            fmt::join(sections, ", "));

  r.model.base = "vit-b-16";
  r.model.network = json::object();
  r.model.trainable = {"adapter", "background", "position"};
  Section(r.json, "MODEL", where)
      .read("INIT", r.model.init)
      .read("BASE", r.model.base)
      .read("FRESH_ADAPTER", r.model.fresh_adapter)
      .read("NETWORK", r.model.network)
      .read("TRAINABLE", r.model.trainable)
      .done();
  read_data(r.json, where, r);
  read_solver(r.json, where, r);
  Section(r.json, "LOSS", where)
      .read("CLASS_WEIGHT", r.loss.class_weight)
      .read("MASK_WEIGHT", r.loss.mask_weight)
      .read("DICE_WEIGHT", r.loss.dice_weight)
      .read("NO_OBJECT_WEIGHT", r.loss.no_object_weight)
      .read("TRAIN_NUM_POINTS", r.loss.points)
      .read("OVERSAMPLE_RATIO", r.loss.oversample)
      .read("IMPORTANCE_SAMPLE_RATIO", r.loss.importance)
      .done();
  require(
      r.loss.points >= 1 && r.loss.points <= kMostPoints && r.loss.oversample >= 1 &&
          r.loss.oversample <= kMostOversampling && r.loss.importance >= 0 && r.loss.importance <= 1,
      "{}: LOSS.TRAIN_NUM_POINTS must be 1 to {}, OVERSAMPLE_RATIO 1 to {}, IMPORTANCE_SAMPLE_RATIO 0 to 1",
      where, kMostPoints, kMostOversampling);
  Section(r.json, "CONTRAST", where)
      .read("WEIGHT", r.contrast.weight)
      .read("IMS_PER_BATCH", r.contrast.batch)
      .read("SIZE", r.contrast.size)
      .done();
  require(r.contrast.weight >= 0 && r.contrast.batch >= 2 && r.contrast.size >= 16,
          "{}: CONTRAST takes a WEIGHT of at least 0, IMS_PER_BATCH of at least 2, SIZE of at least 16",
          where);
  // Weights that were never trained have nothing to show.
  bool score_start = !r.model.init.empty() && !r.model.fresh_adapter;
  Section(r.json, "TEST", where)
      .read("EVAL_PERIOD", r.run.evaluate_every)
      .read("START", score_start)
      .read("SCENES", r.evaluation_scenes)
      .done();
  r.run.score_start = score_start;
  if (r.json.contains("SEED")) {
    r.seed = static_cast<std::uint64_t>(json_integer(r.json["SEED"], 0, INT64_MAX, where + ": SEED"));
  }
  const auto is_side = [](int side) { return side >= kSmallestSide && side <= kLargestSide; };
  require(is_side(r.input.crop) && is_side(r.input.max_size) && !r.input.min_size.empty() &&
              std::ranges::all_of(r.input.min_size, is_side),
          "{}: INPUT.CROP_SIZE, MIN_SIZE_TRAIN and MAX_SIZE_TRAIN must be {} to {}", where, kSmallestSide,
          kLargestSide);
  require(r.data.workers >= 0 && r.data.workers <= kMostWorkers && r.data.ahead >= 0 &&
              r.data.ahead <= kMostWorkers,
          "{}: DATALOADER.NUM_WORKERS and AHEAD must be 0 to {}", where, kMostWorkers);
  require(r.data.objects >= 3 && r.data.objects <= 64, "{}: INPUT.OBJECTS is {}; 3 to 64 are possible", where,
          r.data.objects);
  require(r.data.validation >= 0 && r.data.validation < 1, "{}: DATASETS.VALIDATION is {}; a share below 1",
          where, r.data.validation);
  require(r.micro_batch >= 0, "{}: SOLVER.MICRO_BATCH is {}; 0 chooses", where, r.micro_batch);
  require(r.batch >= 1 && r.batch <= kLargestBatch && r.data.size >= 16,
          "{}: SOLVER.IMS_PER_BATCH must be 1 to {}, INPUT.SIZE at least 16", where, kLargestBatch);
  (void)trainable_rule(r.model.trainable);
  r.run.recipe = r.json.dump();
  return r;
}

Recipe load_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_recipe(read_text_file(path, std::size_t{1} << 20), path.string(), overrides);
}

TrainableRule trainable_rule(const std::vector<std::string>& parts) {
  static const std::set<std::string> known{"adapter",     "background", "position",
                                           "clip_vision", "clip_text",  "logit_scale"};
  for (const std::string& part : parts)
    require(known.contains(part), "MODEL.TRAINABLE: unknown part '{}'; there are: {}", part,
            fmt::join(known, ", "));
  const std::set<std::string> chosen(parts.begin(), parts.end());
  return [chosen](std::string_view name) {
    const auto part = [&]() -> const char* {
      if (name.starts_with("side_adapter_network.")) return "adapter";
      if (name == "ov_classifier.bg_embed") return "background";
      if (name == "clip_visual_extractor.positional_embedding")
        return chosen.contains("position") ? "position" : "clip_vision";
      if (name == "ov_classifier.logit_scale") return "logit_scale";
      return name.starts_with("ov_classifier.") ? "clip_text" : "clip_vision";
    }();
    return chosen.contains(part);
  };
}

SanConfig with_overrides(const SanConfig& base, const json& network, const std::string& where) {
  json fields = json::parse(base.to_json());
  if (network.is_object()) fields.merge_patch(network);
  return SanConfig::from_json(fields.dump(), where);
}

}  // namespace san
