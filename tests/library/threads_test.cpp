// Segmenters of several threads on one budget: the same labels as one alone, and an end when asked for. Made
// for the thread sanitizer too.
#include <thread>

#include "library_fixture.h"

namespace san::testing {
namespace {

class Threads : public Library {};

TEST_F(Threads, ManySegmentersOnOneBudgetGiveTheLabelsOfOne) {
  ModelOptions options;
  options.budget = ThreadBudget(2);
  EXPECT_EQ(options.budget->threads(), 2);
  const Model models[] = {Model::load("formula:tiny", options), Model::load("formula:tiny", options)};
  const Vocabulary words = models[0].vocabulary({"cat", "sofa|couch", "wall"});
  const std::vector<Image> pictures{picture(40, 56), picture(64, 48, 2), picture(33, 90, 3)};
  std::vector<LabelMap> expected;
  Segmenter alone = models[0].segmenter();
  for (const Image& image : pictures) expected.push_back(alone.segment(image, words).labels);

  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < 6; ++caller)
    callers.emplace_back([&, caller] {
      const Model& model = models[caller % 2];
      Segmenter segmenter = model.segmenter();
      Segmentation result;
      for (std::size_t i = 0; i < 6; ++i) {
        const std::size_t p = (i + caller) % pictures.size();
        segmenter.segment(pictures[p], words, {}, result);
        if (result.labels != expected[p] || result.proposals().empty()) ++wrong;
      }
      if (model.vocabulary({"name " + std::to_string(caller), "wall"}).classes().size() != 2) ++wrong;
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Threads, AnotherThreadEndsWhatRuns) {
  const Model model = Model::load("formula:tiny");
  const Vocabulary words = model.vocabulary({"cat", "wall"});
  std::atomic<bool> stop{false};
  std::atomic<int> done = 0;
  std::atomic<bool> cancelled{false};
  std::thread worker([&] {
    Segmenter segmenter = model.segmenter();
    SegmentationOptions options;
    options.watch.cancelled = &stop;
    const Image image = picture(100, 100);
    try {
      for (;;) {
        segmenter.segment(image, words, options);
        ++done;
      }
    } catch (const Cancelled&) {
      cancelled = segmenter.segment(image, words).labels.height == 100;  // still usable
    }
  });
  while (done < 2) std::this_thread::yield();
  stop = true;
  worker.join();
  EXPECT_TRUE(cancelled);
}

}  // namespace
}  // namespace san::testing
