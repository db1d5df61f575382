#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/torch/torch_backend.h"
#include "model/config.h"
#include "nn/param_scope.h"
#include "train/criterion.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/trainer.h"

namespace san {

/// A training recipe as its YAML file says it (docs/training.md lists the keys, named as in detectron2 where
/// it has them).
struct Recipe {
  nlohmann::json json;  ///< everything, defaults and overrides included

  struct Model {                 // NOLINT(bugprone-exception-escape): moving JSON does not throw
    std::string init;            ///< model file to start from; empty: initial weights of BASE
    std::string base;            ///< network by name where there is no init
    bool fresh_adapter = false;  ///< of init, take CLIP only
    nlohmann::json network;      ///< fields that differ from the base or init
    std::vector<std::string> trainable;
  } model;
  struct Data {
    std::string train, split, test, root;
    std::filesystem::path concepts;  ///< demo world
    std::vector<std::filesystem::path> pictures;
    std::filesystem::path images, labels, classes_file;
    std::vector<std::string> classes;  ///< instead of a file: one by label value, synonyms behind bars
    double validation = 0;  ///< share of the pictures that is kept for measuring, where there is no test set
    int workers = 0, ahead = 4;
    int size = 64;            ///< of demo-world pairs and scenes
    double curriculum = 0.3;  ///< part of the run over which backgrounds become real
    float scenes = 0.2f, clutter = 0.35f, restyle = 0.6f;  ///< PairOptions
    int objects = 8;                                       ///< most of them in a demo-world scene
    int vocabulary = 4096;                                 ///< of the tokenizer trained on the captions
    int context = 32;
  } data;
  struct Input {
    std::vector<int> min_size;
    int max_size = 2560, crop = 640;
    bool color_jitter = true, flip = true;
  } input;
  /// Image–text pairs beside the masks, so that CLIP's image tower keeps naming what no mask shows (demo
  /// world).
  struct Contrast {
    double weight = 0;  ///< of its InfoNCE; 0: none
    int batch = 64, size = 64;
  } contrast;
  CriterionOptions loss;
  OptimizerOptions optimizer;
  Schedule schedule;
  RunOptions run;
  Precision precision = Precision::kF32;
  int batch = 32;
  int micro_batch = 0;  ///< pictures of a batch computed at once; 0 in a file: as memory allows
  std::uint64_t seed = 1;
  std::string templates = "vild";
  std::string bpe;  ///< file of the tokenizer's merges, where the model starts from nothing
  int evaluation_scenes = 100;
};

/// Reads a recipe and applies overrides such as "SOLVER.BASE_LR=1e-3". Throws Error naming the key that is
/// unknown or has the wrong type.
Recipe load_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});
Recipe parse_recipe(const std::string& yaml, const std::string& where,
                    const std::vector<std::string>& overrides = {});

/// Which parameters TRAINABLE names: adapter, background, position (of the vision tower), clip_vision,
/// clip_text, logit_scale.
TrainableRule trainable_rule(const std::vector<std::string>& parts);

/// `base` with the given fields replaced; throws Error for unknown ones.
SanConfig with_overrides(const SanConfig& base, const nlohmann::json& network, const std::string& where);

}  // namespace san
