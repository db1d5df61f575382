#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "world/clip.h"
#include "world/scene.h"
#include "world/world.h"

namespace san {

/// What an image–text pair shows; ids are concept indices, or concepts().size() + stuff index.
struct Pair {
  std::string caption;
  std::vector<int> subjects;  ///< everything the caption names, the principal one first
};

struct PairOptions {
  int size = 64;          ///< pictures are size × size
  float scenes = 0.2f;    ///< share of pictures of several things with a caption that names them all
  float clutter = 0.35f;  ///< share of single pictures with parts of other things at the rim
  float restyle = 0.6f;   ///< share with a changed look
  bool stuff = true;      ///< stuff classes are subjects too
};

struct PairBatch {
  int count = 0, size = 0;
  std::vector<std::uint8_t> images;  ///< [count, size, size, 3]
  std::vector<Pair> pairs;
};

/// Image–text pairs for contrastive training from the training sources, every concept of the world. Every
/// pair is a pure function of (seed, batch, slot): any thread may make any part, and resuming needs the batch
/// number only. Within a batch principal subjects are distinct as long as count ≤ subject_count(); beyond
/// that each occurs at most ceil(count / subject_count()) times, and `subjects` tells which pairs match more
/// than one caption.
class PairSampler {
 public:
  /// Throws Error when the world has no picture for training.
  PairSampler(std::shared_ptr<const World> world, PairOptions options, std::uint64_t seed);

  int subject_count() const { return static_cast<int>(subjects_.size()); }
  const PairOptions& options() const { return options_; }
  /// `realism` in 0..1 is the share of real backgrounds (the curriculum runs it from 0 to 1); `rgb` receives
  /// size·size·3 bytes.
  Pair sample(std::uint64_t batch, int slot, int count, float realism, std::uint8_t* rgb) const;
  PairBatch batch(std::uint64_t index, int count, float realism, ThreadPool* pool = nullptr) const;
  /// `count` captions as training would show them, to train a tokenizer on.
  std::vector<std::string> captions(int count) const;

 private:
  std::vector<int> order(std::uint64_t batch, std::uint64_t round) const;
  std::shared_ptr<const World> world_;
  PairOptions options_;
  std::uint64_t seed_;
  SpritePool sprites_;
  std::vector<int> subjects_;
};

/// A scene whose labels index class_names() of the sampler that made it (kNoLabel: not known).
struct LabelledScene {
  Image image;
  LabelMap labels;
  std::string caption;
};

/// Scenes for training the side adapter: training sources and *seen* concepts only.
class SceneSampler {
 public:
  /// Throws Error when the world has no seen concept with a picture for training.
  SceneSampler(std::shared_ptr<const World> world, SceneOptions options, std::uint64_t seed);

  /// Seen concepts in list order, then the stuff classes.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// A pure function of (seed, index).
  LabelledScene scene(std::uint64_t index) const;

 private:
  std::shared_ptr<const World> world_;
  SceneOptions options_;
  std::uint64_t seed_;
  SpritePool sprites_;
  std::vector<int> subjects_;
  std::vector<std::string> class_names_;
  std::vector<Label> class_of_;
};

/// The fixed sets everything is measured on: seeds that training never uses.
enum class EvalSplit {
  kMixed,      ///< seen and unseen concepts in equal parts, training styles: miou_seen and miou_unseen
  kSeen,       ///< seen concepts only
  kUnseen,     ///< unseen concepts only
  kStyle,      ///< mixed, in the art style that nobody tunes on
  kNearStyle,  ///< mixed, in a held-out style related to one of the training styles
  kPhoto,      ///< photo cut-outs on backgrounds kept for tests
};
/// "mixed", "seen", "unseen", "style", "near-style", "photo"; throws Error listing them.
EvalSplit parse_eval_split(std::string_view name);
std::string_view eval_split_name(EvalSplit split);

class EvalScenes {
 public:
  static constexpr int kCount = 500;
  /// Throws Error saying which pictures to build when the world lacks those of the split.
  EvalScenes(std::shared_ptr<const World> world, EvalSplit split, int size = 256, int count = kCount);

  int size() const { return count_; }
  /// All concepts, then the stuff classes, whatever the split.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Per class: did the side adapter have masks of it in training? Stuff: yes.
  const std::vector<bool>& seen() const { return seen_; }
  /// Index in [0, size()); always the same scene.
  LabelledScene scene(int index) const;
  /// A clip of such things, moving; its labels index class_names() as they are.
  SceneClip clip(int index, int frames) const;
  /// Another scene of the split, of these concepts alone, where the split has pictures of them: to learn
  /// from, none of those that measure. A pure function of the arguments. Throws Error when the split has
  /// pictures of none of them.
  LabelledScene lesson(int index, const std::vector<int>& concepts) const;
  /// Concepts that the split has pictures of, ascending.
  std::vector<int> pictured() const;

 private:
  std::vector<int> subjects() const;
  std::shared_ptr<const World> world_;
  EvalSplit split_;
  SceneOptions options_;
  int count_;
  SpritePool sprites_;
  std::vector<int> subjects_, unseen_subjects_;
  std::vector<std::string> class_names_;
  std::vector<bool> seen_;
};

/// Fixed single-object pictures of a role's every sprite, for zero-shot classification over all concepts.
class EvalCrops {
 public:
  /// Throws Error when the world has no picture of that role.
  EvalCrops(std::shared_ptr<const World> world, Role role, int size = 64, int per_sprite = 2);

  int size() const { return static_cast<int>(sprites_.size()) * per_sprite_; }
  int subject(int index) const { return sprites_[static_cast<std::size_t>(index / per_sprite_)]->subject; }
  /// The art style it was drawn in.
  const std::string& style(int index) const;
  /// Writes size·size·3 bytes.
  void picture(int index, std::uint8_t* rgb) const;

 private:
  std::shared_ptr<const World> world_;
  int side_, per_sprite_;
  std::vector<const World::Sprite*> sprites_;
};

}  // namespace san
