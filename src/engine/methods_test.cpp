#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "base/test_error.h"
#include "engine/test_engine.h"

namespace san {
namespace {

using test::encode;
using test::error_of;
using test::pattern;
using testing::ElementsAre;
using testing::HasSubstr;

// Every method that is built in, on the formula's smallest network.
class EveryMethod : public testing::TestWithParam<std::string> {
 protected:
  const std::shared_ptr<const Engine> engine_ =
      std::make_shared<const Engine>(load_model("formula:tiny"), make_reference_backend(), GetParam());
  Session session_{engine_, 1};
  const Image picture_ = pattern(45, 60);
  const std::shared_ptr<const TextEmbeddings> animals_ = encode(*engine_, "cat, dog|hound, sky"),
                                              things_ = encode(*engine_, "cup, table, sofa|couch, lamp");
};

TEST_P(EveryMethod, LabelsEveryPixelAtThePicturesSize) {
  EXPECT_EQ(engine_->method_info().name, GetParam());
  SegmentOptions options;
  options.label_scores = true;
  const SegmentationResult r = session_.segment(picture_, animals_, options);
  EXPECT_EQ(r.labels.height, 45);
  EXPECT_EQ(r.labels.width, 60);
  EXPECT_EQ(r.areas[0] + r.areas[1] + r.areas[2], 45 * 60);
  EXPECT_EQ(r.areas[3], 0);
  for (const auto label : r.labels.labels) ASSERT_LT(label, 3);
  for (const float score : r.label_scores) ASSERT_GT(score, 0.0f);
}

// The network is the method's expensive part: asked again, only what depends on the words is computed.
TEST_P(EveryMethod, AnswersASecondQuestionWithoutTheNetwork) {
  const auto features = session_.look(picture_);
  EXPECT_EQ(features->height, 45);
  EXPECT_EQ(session_.segment(features, animals_).labels, session_.segment(picture_, animals_).labels);

  int network_ops = 0;
  session_.backend().observe([&](const OpRecord& op) {
    for (const char* needed : {"attention", "layer_norm", "patch_embed", "mlp", "linear", "resize"})
      network_ops += std::string_view(op.op) == needed;  // not the pointers
  });
  const SegmentationResult again = session_.segment(features, things_);
  EXPECT_EQ(network_ops, 0);
  const SegmentationResult anew = session_.segment(picture_, things_);
  EXPECT_GT(network_ops, 0) << "the observer sees nothing";
  EXPECT_EQ(again.labels, anew.labels);
}

TEST_P(EveryMethod, FeaturesMayBeSharedBySessions) {
  Session other(engine_, 1);
  auto features = other.look(picture_);
  EXPECT_EQ(session_.segment(std::move(features), things_).labels, other.segment(picture_, things_).labels);
}

TEST_P(EveryMethod, SeesAMirroredPictureAndAWindow) {
  LookOptions mirrored;
  mirrored.mirrored = true;
  const Logits straight = session_.name(session_.look(picture_), animals_),
               flipped = session_.name(session_.look(picture_, mirrored), animals_);
  EXPECT_TRUE(flipped.view.mirrored);
  const std::vector<int> row_class = animals_->row_classes();
  std::vector<HeadView> views{straight.view, flipped.view, straight.view};
  views[2].region = {5, 7, 30, 40};
  auto& head = session_.segmentation_head();
  const HeadOptions options = head_options(*animals_, row_class, {});
  const SegmentationResult both = head.run(views, 45, 60, options);
  EXPECT_EQ(both.areas[0] + both.areas[1] + both.areas[2], 45 * 60);
}

TEST_P(EveryMethod, TakesTheSizeItIsAskedFor) {
  LookOptions options;
  options.short_side = 2 * engine_->method().input().short_side;
  const auto usual = session_.look(picture_), large = session_.look(picture_, options);
  EXPECT_GT(large->view.content_height, usual->view.content_height);
  EXPECT_THROW(session_.look(Image{}), Error);
}

TEST_P(EveryMethod, SaysWhatItCannotDo) {
  SegmentOptions other;
  other.background = Background::kOther;
  const MethodInfo& info = engine_->method_info();
  if (info.background)
    EXPECT_NO_THROW(session_.segment(picture_, animals_, other));
  else
    EXPECT_THAT(error_of([&] { session_.segment(picture_, animals_, other); }),
                HasSubstr("method " + info.name + " knows no background"));
  EXPECT_EQ(error_of([&] { require_possible(info, Background::kNone, true); }).empty(), info.masks);
  const auto nothing = std::make_shared<const TextEmbeddings>();
  EXPECT_THAT(error_of([&] { session_.segment(picture_, nothing); }), HasSubstr("at least one class"));
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, testing::ValuesIn(method_names("san")),
                         [](const auto& instance) { return instance.param; });

TEST(Methods, FeaturesOfAnotherMethodAreRefused) {
  const auto san = std::make_shared<const Engine>(load_model("formula:tiny"), make_reference_backend()),
             crops = std::make_shared<const Engine>(load_model("formula:tiny"), make_reference_backend(),
                                                    "crops");
  Session one(san, 1), two(crops, 1);
  const auto words = encode(*san, "cat, dog");
  EXPECT_THAT(error_of([&] { two.segment(one.look(pattern(40, 40)), words); }), HasSubstr("another"));
}

TEST(Methods, AreChosenByTheModelOrByName) {
  EXPECT_THAT(method_names("san"), ElementsAre("san", "maskclip", "crops"));
  EXPECT_EQ(find_method("", "san", "x").name, "san");
  EXPECT_EQ(find_method("crops", "san", "x").name, "crops");
  EXPECT_THAT(error_of([] { find_method("magic", "san", "x"); }), HasSubstr("expected san, maskclip, crops"));
  EXPECT_THAT(error_of([] { find_architecture("vim", "file.safetensors"); }),
              AllOf(HasSubstr("file.safetensors"), HasSubstr("\"vim\""), HasSubstr("knows san")));
}

TEST(Methods, ARegistryTakesANameOnce) {
  EXPECT_THAT(error_of([] { register_method(find_method("san", "san", "x")); }), HasSubstr("already"));
  EXPECT_THAT(error_of([] { register_architecture(find_architecture("san", "x")); }), HasSubstr("already"));
  MethodInfo stray;
  stray.name = "stray", stray.architecture = "nowhere";
  EXPECT_THAT(error_of([&] { register_method(stray); }), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace san
