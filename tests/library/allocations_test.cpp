// Pictures of one size after another use the memory of those before. On one thread: which thread takes which
// part of a loop is nobody's choice, and one that first does so later brings its own working memory.
#include "library_fixture.h"
#include "san/stream.hpp"
#include "support/count_allocations.h"

namespace san::testing {
namespace {

class Allocations : public Library {
 protected:
  static constexpr int kPictures = 5;

  Allocations() {
    ModelOptions options;
    options.threads = 1;
    model_ = Model::load("formula:tiny", options);
    for (int i = 0; i < kPictures; ++i) pictures_.push_back(picture(61, 83, i + 1));
  }

  /// How often `body` asks for memory once it has seen every picture three times.
  template <class Body>
  int asked(const Body& body) {
    for (int i = 0; i < 3 * kPictures; ++i) body(pictures_[static_cast<std::size_t>(i % kPictures)]);
    allocations = aligned_allocations = 0;
    counting = true;
    for (int i = 0; i < 2 * kPictures; ++i) body(pictures_[static_cast<std::size_t>(i % kPictures)]);
    counting = false;
    return allocations + aligned_allocations;
  }

  std::optional<Model> model_;
  std::vector<Image> pictures_;
};

TEST_F(Allocations, TheCounterCountsWhatTheLibraryAsksFor) {
  const Vocabulary words = model_->vocabulary({"cat", "wall"});
  const auto anew = [&](const Image& image) { model_->segmenter().segment(image, words); };
  EXPECT_GE(asked(anew), 1000) << "a segmenter that begins needs all its memory";
}

TEST_F(Allocations, PicturesOfOneSizeAreSegmentedWithoutNewMemory) {
  const Vocabulary words = model_->vocabulary({"cat", "sofa|couch", "wall"});
  Segmenter segmenter = model_->segmenter();
  Segmentation results[3];  // as a program does that shows one while the next is made
  int next = 0;
  EXPECT_EQ(asked([&](const Image& image) { segmenter.segment(image, words, {}, results[next++ % 3]); }), 0);
}

TEST_F(Allocations, NorWithManyClassesScoresAndTheBackground) {
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back("thing " + std::to_string(i));
  const Vocabulary words = model_->vocabulary(names);
  Segmenter segmenter = model_->segmenter();
  SegmentationOptions options;
  options.label_scores = options.other = true;
  options.min_score = 0.01f;
  Segmentation result;
  EXPECT_EQ(asked([&](const Image& image) { segmenter.segment(image, words, options, result); }), 0);
}

TEST_F(Allocations, NorAsFramesOfAStream) {
  const Vocabulary words = model_->vocabulary({"cat", "wall"});
  Segmenter segmenter = model_->segmenter();
  Stream stream({.cut = 0});
  Segmentation result;
  EXPECT_EQ(asked([&](const Image& image) {
              segmenter.segment(stream.next(segmenter.look(image)), words, {}, result);
            }),
            0);
}

TEST_F(Allocations, WhatIsUsedAgainHasTheSameLabels) {
  const Vocabulary words = model_->vocabulary({"cat", "sofa|couch", "wall", "tree"});
  Segmenter used = model_->segmenter();
  Segmentation result;
  for (int round = 0; round < 2; ++round)
    for (const Image& image : pictures_) {
      const Image other = picture(40 + 10 * round, 120, 7);
      used.segment(other, words, {}, result);
      used.segment(image, words, {}, result);
      const Segmentation fresh = model_->segmenter().segment(image, words);
      EXPECT_EQ(result.labels, fresh.labels);
      EXPECT_EQ(result.class_scores(std::vector{0, 3}), fresh.class_scores(std::vector{0, 3}));
    }
}

TEST_F(Allocations, WhatWasLookedAtStaysAsItIs) {
  const Vocabulary words = model_->vocabulary({"cat", "wall"});
  Segmenter segmenter = model_->segmenter();
  const ImageFeatures first = segmenter.look(pictures_[0]);
  const LabelMap labels = segmenter.segment(first, words).labels;
  for (const Image& image : pictures_) segmenter.segment(image, words);
  EXPECT_EQ(segmenter.segment(first, words).labels, labels);
}

}  // namespace
}  // namespace san::testing
