#include "world/samplers.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "world/background.h"
#include "world/caption.h"

namespace san {
namespace {

enum Purpose : std::uint64_t {
  kOrder = 1,
  kPair,
  kCaption,
  kTrainScene,
  kEvalScene,
  kEvalCrop,
  kEvalClip,
  kLessonScene
};
constexpr std::uint64_t kEvalSeed = fnv1a64("demo world evaluation");
constexpr std::array<std::string_view, 6> kSplitNames = {"mixed", "seen",       "unseen",
                                                         "style", "near-style", "photo"};

void draw(const World::Sprite& sprite, Pose pose, float size, const SpriteStyle& style, Image& image) {
  thread_local Layer layer;
  const float aspect = sprite.aspect();
  pose.width = size * std::min(1.0f, aspect) * pose.width;
  pose.height = size / std::max(1.0f, aspect) * pose.height;
  pose.wave = style.wave;
  pose.wave_phase = style.wave_phase;
  draw_styled(sprite.pyramid, pose, style, image.height, image.width, layer);
  blend(layer, image);
}

/// A pose whose width and height are factors of the object's size.
Pose random_pose(Rng& rng, float side, float spread) {
  Pose pose;
  pose.x = side * (0.5f + spread * rng.uniform(-1, 1));
  pose.y = side * (0.5f + spread * rng.uniform(-1, 1));
  pose.width = rng.uniform(0.88f, 1.12f);
  pose.height = rng.uniform(0.88f, 1.12f);
  pose.turns = rng.chance(0.8f) ? 0.035f * rng.normal() : rng.uniform(-0.25f, 0.25f);
  pose.shear = 0.08f * rng.normal();
  pose.flip = rng.chance(0.5f);
  return pose;
}

void finish_crop(Rng& rng, Image& image) {
  if (rng.chance(0.15f)) blur(image, 1);
  const float light = rng.uniform(0.75f, 1.2f);
  const std::array<float, 3> gain = {light * rng.uniform(0.93f, 1.07f), light * rng.uniform(0.95f, 1.05f),
                                     light * rng.uniform(0.93f, 1.07f)};
  const float bias = rng.uniform(-15, 15), noise = rng.chance(0.5f) ? rng.uniform(0.5f, 8.0f) : 0.0f;
  develop(image, gain, bias, noise, rng.next());
}

std::vector<int> with_seen(const World& world, const std::vector<int>& subjects, bool seen) {
  std::vector<int> out;
  for (const int s : subjects)
    if (world.concepts()[static_cast<std::size_t>(s)].seen == seen) out.push_back(s);
  return out;
}

Role role_of(EvalSplit split) {
  if (split == EvalSplit::kStyle) return Role::kHeldOutStyle;
  if (split == EvalSplit::kNearStyle) return Role::kNearStyle;
  return split == EvalSplit::kPhoto ? Role::kPhoto : Role::kTrain;
}

}  // namespace

PairSampler::PairSampler(std::shared_ptr<const World> world, PairOptions options, std::uint64_t seed)
    : world_(std::move(world)),
      options_(options),
      seed_(seed),
      sprites_(*world_, {Role::kTrain, Role::kTrainExtra}),
      subjects_(sprites_.subjects()) {
  require(!subjects_.empty(),
          "the demo world has no picture that may be trained on; build it with: san world build");
  require(options_.size >= 16 && options_.size <= 1024, "pairs of {} pixels: 16 to 1024 are possible",
          options_.size);
  const auto concepts = static_cast<int>(world_->concepts().size());
  if (options_.stuff)
    for (int i = 0; i < static_cast<int>(stuff_classes().size()); ++i) subjects_.push_back(concepts + i);
}

std::vector<int> PairSampler::order(std::uint64_t batch, std::uint64_t round) const {
  std::vector<int> out = subjects_;
  Rng rng(seed_ + round, kOrder, batch);
  for (std::size_t i = out.size(); i > 1; --i)
    std::swap(out[i - 1], out[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
  return out;
}

Pair PairSampler::sample(std::uint64_t batch, int slot, int count, float realism, std::uint8_t* rgb) const {
  require(slot >= 0 && slot < count, "pair {} of a batch of {}", slot, count);
  const auto n = static_cast<std::size_t>(subject_count());
  const auto position = static_cast<std::size_t>(slot);
  const std::vector<int> subjects = order(batch, position / n);
  const int subject = subjects[position % n];
  const auto concepts = static_cast<int>(world_->concepts().size());
  Rng rng(splitmix64(seed_ ^ splitmix64(batch)), kPair, static_cast<std::uint64_t>(slot));
  const auto side = static_cast<float>(options_.size);
  thread_local Image image;
  if (image.height != options_.size) image = Image(options_.size, options_.size);
  Pair pair;
  pair.subjects = {subject};

  std::vector<int> stuff;
  const bool real = rng.chance(realism);
  if (subject >= concepts)
    paint_stuff_crop(*world_, subject - concepts, rng, image);
  else if (!real)
    paint_plain(rng, image);
  else if (const int shown = paint_crop(*world_, false, rng, image); shown >= 0 && shown >= 5)
    stuff = {shown};

  const auto draw_random = [&](int what, float smallest, float largest, const Pose& pose) {
    const World::Sprite& sprite = sprites_.pick(what, rng);
    const float size = side * rng.uniform(smallest, largest);
    draw(sprite, pose, size, random_style(rng, options_.restyle, static_cast<int>(size)), image);
  };
  // Subjects that no caption of this batch names, as far as there are some.
  const auto bystander = [&]() -> int {
    for (int k = 0; k < 8; ++k) {
      const std::size_t first = static_cast<std::size_t>(count) < n ? static_cast<std::size_t>(count) : 0;
      const int other = subjects[first + static_cast<std::size_t>(rng.below(static_cast<int>(n - first)))];
      if (other < concepts && other != subject) return other;
    }
    return -1;
  };

  if (subject >= concepts) {
    pair.caption = caption_stuff(subject - concepts, rng);
    if (rng.chance(0.3f))
      if (const int other = bystander(); other >= 0)
        draw_random(other, 0.2f, 0.4f, random_pose(rng, side, 0.4f));
  } else if (rng.chance(options_.scenes)) {
    // Several things side by side, each about half as large as the picture.
    std::vector<int> shown = {subject};
    for (int i = rng.between(1, 2); i > 0; --i)
      if (const int other = bystander();
          other >= 0 && std::find(shown.begin(), shown.end(), other) == shown.end())
        shown.push_back(other);
    const auto k = static_cast<float>(shown.size());
    const float turn = rng.uniform();
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const auto [sine, cosine] = sine_cosine_turns(turn + static_cast<float>(i) / k);
      Pose pose = random_pose(rng, side, 0.06f);
      pose.x += 0.26f * side * cosine;
      pose.y += 0.26f * side * sine;
      draw_random(shown[i], 0.42f, 0.6f, pose);
    }
    pair.subjects = shown;
    pair.caption = caption_scene(world_->concepts(), shown, stuff, rng);
    if (!stuff.empty()) pair.subjects.push_back(concepts + stuff.front());
  } else {
    const bool crowded = rng.chance(options_.clutter);
    const auto rim = [&] {
      const auto [sine, cosine] = sine_cosine_turns(rng.uniform());
      Pose pose = random_pose(rng, side, 0.05f);
      pose.x += rng.uniform(0.42f, 0.6f) * side * cosine;
      pose.y += rng.uniform(0.42f, 0.6f) * side * sine;
      return pose;
    };
    const int behind = crowded ? rng.below(3) : 0, before = crowded && rng.chance(0.4f) ? 1 : 0;
    for (int i = 0; i < behind; ++i)
      if (const int other = bystander(); other >= 0) draw_random(other, 0.3f, 0.6f, rim());
    const float size = crowded ? rng.uniform(0.45f, 0.85f) : rng.uniform(0.5f, 1.05f);
    draw_random(subject, size, size, random_pose(rng, side, 0.5f * std::max(0.04f, 1.0f - size)));
    for (int i = 0; i < before; ++i)
      if (const int other = bystander(); other >= 0) draw_random(other, 0.25f, 0.45f, rim());
    const Concept& entry = world_->concepts()[static_cast<std::size_t>(subject)];
    if (!stuff.empty() && rng.chance(0.15f)) {
      pair.caption = caption_scene(world_->concepts(), {subject}, stuff, rng);
      pair.subjects.push_back(concepts + stuff.front());
    } else {
      pair.caption = caption_subject(entry, rng);
    }
  }
  finish_crop(rng, image);
  std::copy(image.rgb.begin(), image.rgb.end(), rgb);
  return pair;
}

PairBatch PairSampler::batch(std::uint64_t index, int count, float realism, ThreadPool* pool) const {
  PairBatch out;
  out.count = count;
  out.size = options_.size;
  const auto bytes = static_cast<std::size_t>(options_.size) * static_cast<std::size_t>(options_.size) * 3;
  out.images.resize(static_cast<std::size_t>(count) * bytes);
  out.pairs.resize(static_cast<std::size_t>(count));
  const auto make = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      out.pairs[i] = sample(index, static_cast<int>(i), count, realism, out.images.data() + i * bytes);
  };
  if (pool)
    pool->parallel_for(count, 8, make);
  else
    make(0, count);
  return out;
}

std::vector<std::string> PairSampler::captions(int count) const {
  std::vector<std::string> out;
  const auto concepts = static_cast<int>(world_->concepts().size());
  for (int i = 0; i < count; ++i) {
    Rng rng(seed_, kCaption, static_cast<std::uint64_t>(i));
    const int subject = subjects_[static_cast<std::size_t>(i) % subjects_.size()];
    if (subject >= concepts) {
      out.push_back(caption_stuff(subject - concepts, rng));
    } else if (rng.chance(options_.scenes)) {
      const int other =
          sprites_
              .subjects()[static_cast<std::size_t>(rng.below(static_cast<int>(sprites_.subjects().size())))];
      const int stuff = rng.below(static_cast<int>(stuff_classes().size()));
      out.push_back(caption_scene(world_->concepts(), {subject, other}, {stuff}, rng));
    } else {
      out.push_back(caption_subject(world_->concepts()[static_cast<std::size_t>(subject)], rng));
    }
  }
  return out;
}

SceneSampler::SceneSampler(std::shared_ptr<const World> world, SceneOptions options, std::uint64_t seed)
    : world_(std::move(world)),
      options_(options),
      seed_(seed),
      sprites_(*world_, {Role::kTrain, Role::kTrainExtra}),
      subjects_(with_seen(*world_, sprites_.subjects(), true)) {
  require(!subjects_.empty(),
          "the demo world has no seen concept with pictures that may be trained on; build it with: san world "
          "build");
  class_of_.assign(world_->concepts().size() + stuff_classes().size(), kNoLabel);
  for (const int s : subjects_) {
    class_of_[static_cast<std::size_t>(s)] = static_cast<Label>(class_names_.size());
    class_names_.push_back(world_->concepts()[static_cast<std::size_t>(s)].name);
  }
  for (std::size_t i = 0; i < stuff_classes().size(); ++i) {
    class_of_[world_->concepts().size() + i] = static_cast<Label>(class_names_.size());
    class_names_.emplace_back(stuff_classes()[i].name);
  }
}

LabelledScene SceneSampler::scene(std::uint64_t index) const {
  Scene scene =
      compose_scene(*world_, {&sprites_, &subjects_, false}, options_, Rng(seed_, kTrainScene, index));
  for (auto& value : scene.labels.labels)
    if (value != kNoLabel) value = class_of_[value];
  Rng rng(seed_, kCaption, index);
  std::string caption = caption_scene(world_->concepts(), scene.subjects, scene.stuff, rng);
  return {std::move(scene.image), std::move(scene.labels), std::move(caption)};
}

EvalSplit parse_eval_split(std::string_view name) {
  for (std::size_t i = 0; i < kSplitNames.size(); ++i)
    if (kSplitNames[i] == name) return static_cast<EvalSplit>(i);
  fail("unknown split '{}' of the demo world; there are: {}", name, fmt::join(kSplitNames, ", "));
}

std::string_view eval_split_name(EvalSplit split) {
  return kSplitNames.at(static_cast<std::size_t>(split));
}

EvalScenes::EvalScenes(std::shared_ptr<const World> world, EvalSplit split, int size, int count)
    : world_(std::move(world)),
      split_(split),
      count_(count),
      sprites_(*world_, {role_of(split)}),
      class_names_(world_->class_names()) {
  options_.height = options_.width = size;
  options_.restyle = 0;
  subjects_ = with_seen(*world_, sprites_.subjects(), true);
  unseen_subjects_ = with_seen(*world_, sprites_.subjects(), false);
  if (split == EvalSplit::kSeen) unseen_subjects_.clear();
  if (split == EvalSplit::kUnseen) subjects_.clear();
  require(!subjects_.empty() || !unseen_subjects_.empty(),
          "the demo world has no picture for the split '{}' ({} sources); build it with: san world build",
          eval_split_name(split), role_name(role_of(split)));
  for (const auto& entry : world_->concepts()) seen_.push_back(entry.seen);
  seen_.resize(class_names_.size(), true);
}

std::vector<int> EvalScenes::subjects() const {
  // Repeated so that both groups are drawn equally often, however many concepts each has.
  std::vector<int> subjects;
  const std::size_t a = subjects_.size(), b = unseen_subjects_.size(), most = std::max(a, b);
  for (std::size_t i = 0; i < most; ++i) {
    if (a > 0) subjects.push_back(subjects_[i * a / most]);
    if (b > 0) subjects.push_back(unseen_subjects_[i * b / most]);
  }
  return subjects;
}

SceneClip EvalScenes::clip(int index, int frames) const {
  require(index >= 0 && index < count_, "clip {} of {}", index, count_);
  const auto key = static_cast<std::uint64_t>(index) + (static_cast<std::uint64_t>(split_) << 32);
  const std::vector<int> subjects = this->subjects();
  ClipOptions options;
  options.scene = options_;
  options.frames = frames;
  return {*world_, {&sprites_, &subjects, true}, options, Rng(kEvalSeed, kEvalClip, key)};
}

LabelledScene EvalScenes::scene(int index) const {
  require(index >= 0 && index < count_, "scene {} of {}", index, count_);
  const std::vector<int> subjects = this->subjects();
  const auto key = static_cast<std::uint64_t>(index) + (static_cast<std::uint64_t>(split_) << 32);
  Scene scene =
      compose_scene(*world_, {&sprites_, &subjects, true}, options_, Rng(kEvalSeed, kEvalScene, key));
  Rng rng(kEvalSeed, kCaption, key);
  std::string caption = caption_scene(world_->concepts(), scene.subjects, scene.stuff, rng);
  return {std::move(scene.image), std::move(scene.labels), std::move(caption)};
}

std::vector<int> EvalScenes::pictured() const {
  std::vector<int> all = subjects_;
  all.insert(all.end(), unseen_subjects_.begin(), unseen_subjects_.end());
  std::ranges::sort(all);
  return all;
}

LabelledScene EvalScenes::lesson(int index, const std::vector<int>& concepts) const {
  const std::vector<int> mine = pictured();
  std::vector<int> drawn;
  std::ranges::copy_if(concepts, std::back_inserter(drawn),
                       [&](int c) { return std::ranges::binary_search(mine, c); });
  require(index >= 0 && !drawn.empty(), "the split '{}' of the demo world has no picture of these concepts",
          eval_split_name(split_));
  const auto key = static_cast<std::uint64_t>(index) + (static_cast<std::uint64_t>(split_) << 32);
  Scene scene =
      compose_scene(*world_, {&sprites_, &drawn, true}, options_, Rng(kEvalSeed, kLessonScene, key));
  return {std::move(scene.image), std::move(scene.labels), {}};
}

EvalCrops::EvalCrops(std::shared_ptr<const World> world, Role role, int size, int per_sprite)
    : world_(std::move(world)), side_(size), per_sprite_(per_sprite) {
  const SpritePool pool(*world_, {role});
  for (const int subject : pool.subjects())
    for (const auto* sprite : pool.all(subject)) sprites_.push_back(sprite);
  require(!sprites_.empty(), "the demo world has no picture of the role '{}'; build it with: san world build",
          role_name(role));
}

const std::string& EvalCrops::style(int index) const {
  const auto* sprite = sprites_[static_cast<std::size_t>(index / per_sprite_)];
  return world_->sources()[static_cast<std::size_t>(sprite->source)].style;
}

void EvalCrops::picture(int index, std::uint8_t* rgb) const {
  require(index >= 0 && index < size(), "crop {} of {}", index, size());
  Image image(side_, side_);
  Rng rng(kEvalSeed, kEvalCrop, static_cast<std::uint64_t>(index));
  paint_crop(*world_, true, rng, image);
  const auto side = static_cast<float>(side_);
  const float size = rng.uniform(0.6f, 0.95f);
  const Pose pose = random_pose(rng, side, 0.5f * (1.0f - size));
  draw(*sprites_[static_cast<std::size_t>(index / per_sprite_)], pose, side * size, SpriteStyle{}, image);
  std::copy(image.rgb.begin(), image.rgb.end(), rgb);
}

}  // namespace san
