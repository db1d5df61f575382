// Labels of 32 bits: the same as those of 16 where these do, and what becomes of lists that are longer.
#include <algorithm>
#include <filesystem>

#include "c_api_fixture.h"

namespace san::testing {
namespace {

/// With lists of so many classes that half of them lie beyond 16 bits.
constexpr int kMany = 130'000;

class Labels32 : public CApi {
 protected:
  std::vector<std::string> many() const {
    std::vector<std::string> names;
    for (int i = 0; i < kMany; ++i) names.push_back("thing" + std::to_string(i));
    return names;
  }
  /// One template a name: it is the number of names that counts.
  Words many_words() const {
    const std::vector<std::string> names = many();
    std::vector<const char*> given;
    for (const std::string& name : names) given.push_back(name.c_str());
    const char* single[] = {"{}"};
    auto options = sized<san_vocabulary_options>();
    options.templates = single, options.template_count = 1, options.no_cache = 1;
    return Words(san_vocabulary_create(model_.get(), given.data(), given.size(), &options));
  }
};

TEST_F(Labels32, AreThoseOfSixteenBits) {
  const Result r(segment());
  const std::vector<std::uint16_t> narrow(san_result_labels(r.get()), san_result_labels(r.get()) + 40 * 56);
  std::vector<std::uint32_t> wide(san_result_labels32(r.get()), san_result_labels32(r.get()) + 40 * 56);
  EXPECT_TRUE(std::ranges::equal(narrow, wide));
  EXPECT_EQ(san_result_labels(r.get()), san_result_labels(r.get())) << "they are made once";

  std::vector<std::uint32_t> labels(40 * 56);
  ASSERT_EQ(
      san_segment_labels32(segmenter_.get(), words_.get(), &pixels_, nullptr, labels.data(), labels.size()),
      SAN_OK);
  EXPECT_EQ(labels, wide);
  expect_failed(san_segment_labels32(segmenter_.get(), words_.get(), &pixels_, nullptr, labels.data(), 7),
                "room for 7");

  EXPECT_EQ(text_of(Buffer(san_encode_labels32(wide.data(), 40, 56, nullptr, 0))),
            text_of(Buffer(san_encode_labels(narrow.data(), 40, 56, nullptr, 0))));
  using Polygons = Owner<san_polygons, san_polygons_free>;
  const Polygons polygons(san_label_polygons32(wide.data(), 40, 56, 0)),
      same(san_label_polygons(narrow.data(), 40, 56, 0));
  ASSERT_GT(san_polygons_count(polygons.get()), 0u);
  EXPECT_EQ(san_polygons_count(polygons.get()), san_polygons_count(same.get()));
  auto polygon = sized<san_polygon>();
  ASSERT_EQ(san_polygons_get(polygons.get(), 0, &polygon), SAN_OK);
  polygon.label = 70'000;
  const san_polygon* one = &polygon;
  ASSERT_EQ(san_paint_polygons32(&one, 1, wide.data(), 40, 56), SAN_OK) << san_last_error();
  EXPECT_EQ(std::ranges::count(wide, 70'000u), polygon.area);
  std::vector<std::uint16_t> painted = narrow;
  expect_failed(san_paint_polygons(&one, 1, painted.data(), 40, 56),
                "label is 70000; expected at most 65535");
  EXPECT_EQ(painted, narrow);
  expect_failed(san_encode_labels32(wide.data(), 40, 56, nullptr, 0), "a TIFF holds it");
}

TEST_F(Labels32, HoldListsLongerThanSixteenBitsDo) {
  words_ = many_words();
  ASSERT_NE(words_, nullptr) << san_last_error();
  const Result r(segment());
  ASSERT_NE(r, nullptr) << san_last_error();
  const std::vector<std::uint32_t> labels(san_result_labels32(r.get()),
                                          san_result_labels32(r.get()) + 40 * 56);
  ASSERT_GT(std::ranges::max(labels), 65535u) << "half of the classes lie there";
  for (const std::uint32_t label : labels) ASSERT_LT(label, static_cast<std::uint32_t>(kMany));
  EXPECT_EQ(san_result_area(r.get(), std::ranges::max(labels)),
            std::ranges::count(labels, std::ranges::max(labels)));

  expect_failed(san_result_labels(r.get()), "san/c_labels32.h");
  std::vector<std::uint16_t> narrow(40 * 56, 9);
  expect_failed(
      san_segment_labels(segmenter_.get(), words_.get(), &pixels_, nullptr, narrow.data(), narrow.size()),
      "130000 classes do not go into 16 bits");
  EXPECT_EQ(std::ranges::count(narrow, 9), 40 * 56);
  EXPECT_NE(Picture(san_result_overlay(r.get(), &pixels_, nullptr)), nullptr) << san_last_error();
  const std::string highest = "thing" + std::to_string(std::ranges::max(labels));
  EXPECT_THAT(text_of(Buffer(san_result_json(r.get(), nullptr, nullptr, nullptr))),
              HasSubstr("\"" + highest + "\""));

  // Where class scores are equal the first class wins: of labels and scores this is the definition.
  std::vector<float> scores(2 * 40 * 56);
  const std::int32_t chosen[] = {static_cast<std::int32_t>(labels[0]), kMany - 1};
  ASSERT_EQ(san_result_class_scores(r.get(), chosen, 2, 0, 0, scores.data(), scores.size()), SAN_OK);
  EXPECT_GE(scores[0], scores[40 * 56]);
}

TEST_F(Labels32, GoIntoTiffsOfAsManyBits) {
  const std::filesystem::path path = folder_ / "labels.tif";
  auto options = sized<san_label_tiff_options>();
  options.height = 2, options.width = 3, options.classes = 70'001;
  using Tiff = Owner<san_label_tiff, san_label_tiff_free>;
  const Tiff tiff(san_label_tiff_create(path.c_str(), &options));
  ASSERT_NE(tiff, nullptr) << san_last_error();
  const std::uint32_t labels[] = {0, 1, 65'535, 65'536, 70'000, 2};
  const std::uint16_t row[] = {7, 8, 9};
  ASSERT_EQ(san_label_tiff_add32(tiff.get(), labels + 3, 1, 3), SAN_OK) << san_last_error();
  ASSERT_EQ(san_label_tiff_add(tiff.get(), row, 1, 3), SAN_OK) << san_last_error();
  ASSERT_EQ(san_label_tiff_finish(tiff.get()), SAN_OK) << san_last_error();
  EXPECT_TRUE(std::filesystem::exists(path));
  const Tiff other(san_label_tiff_create(path.c_str(), &options));
  const std::uint32_t beyond[] = {0, 1, 70'001};
  expect_failed(san_label_tiff_add32(other.get(), beyond, 1, 3), "label 70001 of 70001 classes");
}

TEST_F(Labels32, TeachBanksAsThoseOfSixteenBitsDo) {
  const auto taught = [&](const auto& add) {
    const Owner<san_bank_builder, san_bank_builder_free> builder(
        san_bank_builder_create(model_.get(), words_.get()));
    EXPECT_EQ(add(builder.get()), SAN_OK) << san_last_error();
    const Owner<san_bank, san_bank_free> bank(san_bank_builder_finish(builder.get()));
    return text_of(Buffer(san_bank_bytes(bank.get())));
  };
  std::vector<std::uint16_t> narrow(40 * 56, 65535);
  std::vector<std::uint32_t> wide(40 * 56, SAN_NO_LABEL);
  for (std::size_t i = 0; i < 20 * 56; ++i) narrow[i] = wide[i] = i % 56 < 28 ? 0 : 2;
  const std::string expected = taught([&](san_bank_builder* b) {
    return san_bank_builder_add(b, &pixels_, narrow.data(), narrow.size(), nullptr);
  });
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(taught([&](san_bank_builder* b) {
              return san_bank_builder_add32(b, &pixels_, wide.data(), wide.size(), nullptr);
            }),
            expected);
  const Seen seen(san_look(segmenter_.get(), &pixels_, nullptr));
  std::size_t examples = 0;
  taught([&](san_bank_builder* b) {
    return san_bank_builder_add_regions32(b, seen.get(), wide.data(), wide.size(), nullptr, &examples);
  });
  EXPECT_GT(examples, 0u);
  std::size_t same = 0, again = 0;
  taught([&](san_bank_builder* b) {
    return san_bank_builder_add_regions(b, seen.get(), narrow.data(), narrow.size(), &same);
  });
  taught([&](san_bank_builder* b) {
    return san_bank_builder_add_regions_cancellable(b, seen.get(), narrow.data(), narrow.size(), nullptr,
                                                    &again);
  });
  EXPECT_EQ(same, examples);
  EXPECT_EQ(again, examples);
  wide[0] = 65535;  // in 32 bits no more than a class that is not there
  const Owner<san_bank_builder, san_bank_builder_free> builder(
      san_bank_builder_create(model_.get(), words_.get()));
  expect_failed(san_bank_builder_add32(builder.get(), &pixels_, wide.data(), wide.size(), nullptr),
                "a label 65535 where there are 3 classes");
}

}  // namespace
}  // namespace san::testing
