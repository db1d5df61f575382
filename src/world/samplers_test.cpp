#include "world/samplers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"
#include "base/hash.h"

namespace san {
namespace {

std::shared_ptr<const World> pack() {
  static const auto world = [] {
    ThreadPool pool;
    return World::load(SAN_SOURCE_DIR "/configs/world/demo.tsv",
                       {SAN_SOURCE_DIR "/configs/world/pack.pictures"}, &pool);
  }();
  return world;
}

/// The pack with every source declared to be of another role.
std::shared_ptr<const World> pack_as(Role role) {
  PictureFile file = read_pictures(SAN_SOURCE_DIR "/configs/world/pack.pictures");
  for (auto& source : file.sources) source.role = role;
  std::vector<PictureFile> files;
  files.push_back(std::move(file));
  return World::make(load_concepts(SAN_SOURCE_DIR "/configs/world/demo.tsv"), std::move(files));
}

std::uint64_t checksum(const void* data, std::size_t bytes) {
  return fnv1a64({static_cast<const char*>(data), bytes});
}

TEST(Pack, HasSixtyConceptsOfBothSplits) {
  const SpritePool pool(*pack(), {Role::kTrain});
  EXPECT_EQ(pool.subjects().size(), 60u);
  for (const char* name : {"cat", "pizza", "rocket"}) {
    const int subject = pack()->find(name);
    ASSERT_GE(subject, 0);
    EXPECT_EQ(pool.all(subject).size(), 3u) << name;
  }
  for (const auto& source : pack()->sources())
    EXPECT_THAT(source.licence, testing::AnyOf("Apache-2.0", "MIT", "CC0-1.0")) << source.style;
}

TEST(Scenes, AreTheSameOnEveryMachine) {
  const SceneSampler sampler(pack(), {}, 11);
  std::uint64_t images = 0, labels = 0;
  for (std::uint64_t i = 0; i < 12; ++i) {
    const LabelledScene scene = sampler.scene(i);
    images ^= splitmix64(checksum(scene.image.rgb.data(), scene.image.rgb.size()) + i);
    const std::vector<std::uint16_t> narrow(scene.labels.labels.begin(), scene.labels.labels.end());
    labels ^= splitmix64(checksum(narrow.data(), narrow.size() * sizeof narrow[0]) + i);
  }
  // Exact on purpose: integer rasters, own sine, no fused multiply-add.
  EXPECT_EQ(labels, 10641073201468760924ull);
  EXPECT_EQ(images, 9605436094276196524ull);
}

TEST(Scenes, ArePureFunctionsOfTheIndex) {
  const SceneSampler sampler(pack(), {}, 3);
  const LabelledScene first = sampler.scene(5);
  sampler.scene(6);
  const LabelledScene again = sampler.scene(5);
  EXPECT_EQ(first.image, again.image);
  EXPECT_EQ(first.labels, again.labels);
  EXPECT_EQ(first.caption, again.caption);
  EXPECT_NE(first.image, SceneSampler(pack(), {}, 4).scene(5).image);
}

TEST(Scenes, ShowWhatTheyName) {
  const SpritePool sprites(*pack(), {Role::kTrain});
  const auto concepts = static_cast<Label>(pack()->concepts().size());
  int photographs = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    SceneOptions options;
    options.height = options.width = 128;
    options.fewest_visible_pixels = 40;
    const Scene scene = compose_scene(*pack(), {&sprites, &sprites.subjects(), false}, options, Rng(9, 9, i));
    std::map<Label, int> pixels;
    for (const auto value : scene.labels.labels) ++pixels[value];
    std::map<int, int> named;
    for (const int s : scene.subjects) ++named[s];
    for (const auto& [subject, count] : named) EXPECT_GE(pixels[static_cast<Label>(subject)], 40 * count);
    for (const auto& [value, count] : pixels) {
      if (value == kNoLabel) {
        EXPECT_TRUE(scene.stuff.empty());
      } else if (value >= concepts) {
        EXPECT_THAT(scene.stuff, testing::Contains(value - concepts));
      } else {
        EXPECT_TRUE(named.contains(value)) << value;
      }
    }
    photographs += scene.stuff.empty();
  }
  // 28 in 100 of 60; four standard deviations.
  EXPECT_NEAR(photographs, 17, 14);
}

TEST(SceneSampler, ShowsSeenConceptsOnly) {
  SceneOptions options;
  options.height = options.width = 96;
  const SceneSampler sampler(pack(), options, 1);
  EXPECT_EQ(sampler.class_names().size(), 40u + 14u);
  for (std::size_t i = 0; i < 40; ++i)
    EXPECT_TRUE(pack()->concepts()[static_cast<std::size_t>(pack()->find(sampler.class_names()[i]))].seen);
  for (std::uint64_t i = 0; i < 30; ++i)
    for (const auto value : sampler.scene(i).labels.labels)
      EXPECT_TRUE(value == kNoLabel || value < sampler.class_names().size());
}

TEST(Samplers, RefuseToTrainOnTestPictures) {
  for (const Role role : {Role::kHeldOutStyle, Role::kPhoto}) {
    const auto world = pack_as(role);
    EXPECT_THROW(PairSampler(world, {}, 1), Error);
    EXPECT_THROW(SceneSampler(world, {}, 1), Error);
  }
  EXPECT_THROW(EvalScenes(pack(), EvalSplit::kStyle), Error);
  EXPECT_THROW(EvalScenes(pack(), EvalSplit::kPhoto), Error);
  EXPECT_EQ(EvalScenes(pack_as(Role::kHeldOutStyle), EvalSplit::kStyle, 64).scene(499).image.height, 64);
}

TEST(Samplers, KeepExtraPicturesOutOfWhatIsMeasured) {
  const auto extra = pack_as(Role::kTrainExtra);
  EXPECT_EQ(PairSampler(extra, {}, 1).subject_count(), PairSampler(pack(), {}, 1).subject_count());
  EXPECT_EQ(SceneSampler(extra, {}, 1).class_names(), SceneSampler(pack(), {}, 1).class_names());
  EXPECT_THROW(EvalScenes(extra, EvalSplit::kMixed), Error);
  EXPECT_THROW(EvalCrops(extra, Role::kTrain), Error);
}

TEST(PairSampler, DrawsDistinctSubjects) {
  PairOptions options;
  options.size = 32;
  const PairSampler sampler(pack(), options, 2);
  ASSERT_EQ(sampler.subject_count(), 74);
  const PairBatch batch = sampler.batch(7, 60, 1.0f);
  std::set<int> principal;
  for (const auto& pair : batch.pairs) {
    EXPECT_FALSE(pair.caption.empty());
    principal.insert(pair.subjects.front());
  }
  EXPECT_EQ(principal.size(), 60u);
  std::map<int, int> often;
  for (const auto& pair : sampler.batch(8, 200, 0.0f).pairs) ++often[pair.subjects.front()];
  for (const auto& [subject, count] : often) EXPECT_LE(count, 3) << subject;
}

TEST(PairSampler, DoesNotDependOnThreads) {
  PairOptions options;
  options.size = 48;
  const PairSampler sampler(pack(), options, 2);
  ThreadPool pool(3);
  const PairBatch a = sampler.batch(1, 64, 0.5f, &pool), b = sampler.batch(1, 64, 0.5f);
  EXPECT_EQ(a.images, b.images);
  EXPECT_NE(a.images, sampler.batch(2, 64, 0.5f).images);
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(a.pairs[i].caption, b.pairs[i].caption);
  EXPECT_EQ(sampler.captions(500).size(), 500u);
}

TEST(EvalScenes, KnowSeenFromUnseen) {
  const EvalScenes mixed(pack(), EvalSplit::kMixed, 96), unseen(pack(), EvalSplit::kUnseen, 96);
  EXPECT_EQ(mixed.size(), 500);
  EXPECT_EQ(mixed.class_names().size(), pack()->concepts().size() + 14);
  std::int64_t seen_pixels = 0, unseen_pixels = 0;
  for (int i = 0; i < 60; ++i) {
    const auto concepts = pack()->concepts().size();
    for (const auto value : unseen.scene(i).labels.labels)
      ASSERT_TRUE(value >= concepts || !unseen.seen()[value]);
    for (const auto value : mixed.scene(i).labels.labels)
      if (value < concepts) ++(mixed.seen()[value] ? seen_pixels : unseen_pixels);
  }
  // Half of the objects are of either kind; sizes vary.
  EXPECT_NEAR(static_cast<double>(seen_pixels) / static_cast<double>(seen_pixels + unseen_pixels), 0.5, 0.12);
  EXPECT_THROW(mixed.scene(500), Error);
  EXPECT_THROW(parse_eval_split("everything"), Error);
}

TEST(EvalScenes, LessonsShowTheConceptsAskedForInOtherScenes) {
  const EvalScenes mixed(pack(), EvalSplit::kMixed, 96), seen(pack(), EvalSplit::kSeen, 96);
  const std::vector<int> all = mixed.pictured();
  EXPECT_EQ(all.size(), 60u);
  EXPECT_EQ(seen.pictured().size(), 40u);
  const int asked = all[7];
  const auto concepts = pack()->concepts().size();
  for (int i = 0; i < 10; ++i) {
    const LabelledScene lesson = mixed.lesson(i, {asked});
    for (const auto value : lesson.labels.labels)
      ASSERT_TRUE(value >= concepts || value == static_cast<Label>(asked));
    EXPECT_EQ(lesson.image, mixed.lesson(i, {asked}).image);
    EXPECT_NE(mixed.lesson(i, all).image, mixed.scene(i).image);
  }
  EXPECT_THROW(mixed.lesson(0, {}), Error);
}

TEST(EvalCrops, CoverEverySprite) {
  const EvalCrops crops(pack(), Role::kTrain, 48, 2);
  EXPECT_EQ(crops.size(), 60 * 3 * 2);
  std::vector<std::uint8_t> a(48 * 48 * 3), b(a.size());
  crops.picture(17, a.data());
  crops.picture(17, b.data());
  EXPECT_EQ(a, b);
  EXPECT_EQ(crops.subject(0), crops.subject(5));
  EXPECT_NE(crops.subject(5), crops.subject(6));
  EXPECT_THROW(EvalCrops(pack(), Role::kPhoto), Error);
}

}  // namespace
}  // namespace san
