#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backend/types.h"

namespace san {

/// A CLIP with a ViT image tower, any size (docs/network.md §1, §3, §7).
struct ClipConfig {
  std::int64_t width = 768;
  int layers = 12, heads = 12;
  std::int64_t patch = 16;
  std::int64_t grid = 14;  ///< pre-training grid is grid × grid
  std::int64_t embed_dim = 512;
  Activation activation = Activation::kQuickGelu;

  std::int64_t text_width = 512;
  int text_layers = 12, text_heads = 8;
  std::int64_t context = 77, vocabulary = 49408;

  friend bool operator==(const ClipConfig&, const ClipConfig&) = default;
};

/// The side adapter and how it hangs on CLIP (docs/network.md §4–§6), with the paper's ablations as switches.
struct SanConfig {
  ClipConfig clip;

  std::int64_t width = 240;
  int blocks = 8, heads = 6;
  std::int64_t patch = 16;
  std::int64_t image_size = 640;  ///< the position embedding is (image_size / patch)²
  std::int64_t queries = 100;
  std::int64_t embed_channels = 256, mlp_channels = 256;
  int bias_layers = 1;  ///< attention-bias sets: 1 shared by all deep CLIP blocks, or one per block

  int feature_layer = 9;       ///< F: CLIP blocks run once, for features
  int recognition_layer = -1;  ///< SLS tokens start after this block; −1: F. 0: two forwards
  std::map<int, int> fusion{
      {0, 0}, {1, 3}, {2, 6}, {3, 9}};  ///< side-adapter block → CLIP layer; empty: no fusion
  double clip_scale = 0.5;              ///< CLIP input relative to the image; 1: symmetric
  bool decoupled_heads = true;          ///< false: the mask logits serve as attention bias
  std::vector<int> supervision{7, 8};   ///< outputs trained, by side-adapter block; last = inference

  std::int64_t short_side = 640, long_side = 2560;  ///< of the resized input

  int recognition_start() const { return recognition_layer < 0 ? feature_layer : recognition_layer; }
  int bias_groups() const { return decoupled_heads ? clip.heads * bias_layers : 1; }

  /// Throws Error naming the field that is out of range or contradicts another.
  void validate() const;

  static SanConfig vit_b_16();
  static SanConfig vit_l_14_336();
  /// A network of a few thousand parameters for tests (the `tiny` golden configuration).
  static SanConfig tiny();
  /// By the name used in "formula:NAME"; throws Error listing the known ones.
  static SanConfig named(std::string_view name);

  std::string to_json() const;
  /// Throws Error on unknown, missing or mistyped fields; `where` begins the message.
  static SanConfig from_json(std::string_view json, const std::string& where);

  friend bool operator==(const SanConfig&, const SanConfig&) = default;
};

/// "quick_gelu", "gelu"; from_name throws Error listing the choices.
std::string_view activation_name(Activation kind);
Activation activation_from_name(std::string_view name, const std::string& where);

}  // namespace san
