#include "world/clip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "world/samplers.h"

namespace san {
namespace {

std::shared_ptr<const World> pack() {
  static const auto world =
      World::load(SAN_SOURCE_DIR "/configs/world/demo.tsv", {SAN_SOURCE_DIR "/configs/world/pack.pictures"});
  return world;
}

double changed(const LabelMap& a, const LabelMap& b) {
  std::size_t differ = 0;
  for (std::size_t p = 0; p < a.labels.size(); ++p) differ += a.labels[p] != b.labels[p] ? 1 : 0;
  return static_cast<double>(differ) / static_cast<double>(a.labels.size());
}

TEST(SceneClip, MovesALittleFromFrameToFrameAndMuchInAll) {
  const EvalScenes scenes(pack(), EvalSplit::kMixed, 96);
  double steps = 0, whole = 0;
  for (int i = 0; i < 4; ++i) {
    const SceneClip clip = scenes.clip(i, 16);
    ASSERT_EQ(clip.frames(), 16);
    const Scene first = clip.frame(0);
    LabelMap before = first.labels;
    for (int t = 1; t < clip.frames(); ++t) {
      const Scene scene = clip.frame(t);
      ASSERT_EQ(scene.image.height, 96);
      ASSERT_EQ(scene.labels.width, 96);
      const double step = changed(before, scene.labels);
      EXPECT_LT(step, 0.25) << "clip " << i << ", frame " << t;
      steps += step / 60;
      before = scene.labels;
    }
    whole += changed(first.labels, before) / 4;
  }
  EXPECT_GT(steps, 0.005);
  EXPECT_GT(whole, 2.5 * steps);
}

TEST(SceneClip, IsAPureFunctionAndItsNoiseIsNew) {
  const EvalScenes scenes(pack(), EvalSplit::kMixed, 64);
  const Scene again = scenes.clip(2, 8).frame(3), scene = scenes.clip(2, 8).frame(3);
  EXPECT_EQ(scene.image, again.image);
  EXPECT_EQ(scene.labels, again.labels);
  std::uint64_t sum = 0;
  for (int i = 0; i < 6; ++i) {
    const Scene s = scenes.clip(i, 8).frame(i);
    sum ^= splitmix64(fnv1a64({reinterpret_cast<const char*>(s.image.rgb.data()), s.image.rgb.size()}) +
                      static_cast<std::uint64_t>(i));
  }
  // Exact on purpose, as scenes are.
  EXPECT_EQ(sum, 9302708915568967609ull);
}

TEST(SceneClip, RefusesWhatItCannotDo) {
  const EvalScenes scenes(pack(), EvalSplit::kMixed, 64);
  EXPECT_THROW(scenes.clip(0, 0), Error);
  EXPECT_THROW(scenes.clip(-1, 8), Error);
  EXPECT_THROW(scenes.clip(0, 8).frame(8), Error);
}

}  // namespace
}  // namespace san
