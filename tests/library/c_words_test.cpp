// From C: other names for classes, and what is known of published label sets.
#include "c_api_fixture.h"

namespace san::testing {
namespace {

TEST_F(CApi, ClassesAreAskedForByOtherNamesToo) {
  const Model model = Model::load("formula:tiny");
  Segmenter cpp = model.segmenter();
  const std::vector<ClassName> classes = parse_class_list("sofa, diningtable, cat|kitten");
  const std::vector<ClassName> others = with_synonyms(classes, "voc-20");
  ASSERT_GT(others[0].names.size(), 1u);
  auto options = sized<san_vocabulary_options>();
  options.synonyms = "voc-20";
  const char* names[] = {"sofa", "diningtable", "cat|kitten"};
  words_.reset(san_vocabulary_create(model_.get(), names, 3, &options));
  ASSERT_NE(words_, nullptr) << san_last_error();
  auto scored = sized<san_segment_options>();
  scored.label_scores = 1;
  const Result r(segment(&scored));
  const Segmentation with =
                         cpp.segment(image_, model.vocabulary(others), {.label_scores = true, .watch = {}}),
                     without =
                         cpp.segment(image_, model.vocabulary(classes), {.label_scores = true, .watch = {}});
  const std::vector<float> scores(san_result_label_scores(r.get()),
                                  san_result_label_scores(r.get()) + 40 * 56);
  EXPECT_EQ(scores, with.label_scores);
  EXPECT_NE(scores, without.label_scores);
  EXPECT_STREQ(san_vocabulary_class(words_.get(), 0), "sofa");
  options.synonyms = "none";
  expect_failed(san_vocabulary_parse(model_.get(), "sofa", &options), "voc-20");
  expect_failed(san_distractors(model_.get(), names, 3, &options), "voc-20");
}

TEST_F(CApi, LabelSetsAreDescribedAsInCpp) {
  for (const std::string& name : shipped_label_sets()) {
    const LabelSet set = label_set(name);
    ASSERT_EQ(san_label_set_size(name.c_str()), set.classes.size());
    for (std::size_t k = 0; k < set.classes.size(); ++k) {
      auto entry = sized<san_label_set_class>();
      ASSERT_EQ(san_label_set_get(name.c_str(), k, &entry), SAN_OK) << san_last_error();
      EXPECT_EQ(entry.name, set.classes[k]);
      EXPECT_EQ(entry.dataset_id, set.dataset_ids[k]);
      EXPECT_EQ(entry.is_thing, set.is_thing.empty() ? -1 : set.is_thing[k] ? 1 : 0);
    }
  }
  auto entry = sized<san_label_set_class>();
  expect_failed(san_label_set_get("voc-20", 20, &entry), "class 20 of 20");
  expect_failed(san_label_set_get("voc-20", 0, nullptr), "san_label_set_class is NULL");
  expect_failed(san_label_set_get(nullptr, 0, &entry), "label_set is NULL");
  expect_failed(san_label_set_get("voc", 0, &entry), "voc-20");
  EXPECT_EQ(san_label_set_size("voc"), 0u);
  expect_failed(san_last_status(), "voc-20");
}

}  // namespace
}  // namespace san::testing
