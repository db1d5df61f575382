// Banks that grow: regions of pictures that somebody named, one after the other.
#include <cstring>

#include "library_fixture.h"
#include "san/c_bank.h"

namespace san::testing {
namespace {

using ::testing::HasSubstr;

class GrowingBank : public Library {
 protected:
  /// A picture of which only the left or the right half is named.
  LabelMap half(bool left, Label label) const {
    LabelMap map(40, 56, kNoLabel);
    for (int y = 0; y < 40; ++y)
      for (int x = 0; x < 56; ++x)
        if ((x < 28) == left) map.row(y)[x] = label;
    return map;
  }
  ImageFeatures seen(int seed) { return segmenter_.look(ImageView(picture(40, 56, seed))); }
  Vocabulary words(const std::vector<std::string>& names) { return model_.vocabulary(names); }
  static std::string said(const std::function<void()>& action) {
    try {
      action();
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }

  Model model_ = Model::load("formula:tiny");
  Segmenter segmenter_ = model_.segmenter();
};

TEST_F(GrowingBank, OnePictureCountsOnceAndWhatIsSaidLastHolds) {
  BankBuilder builder = model_.bank_builder(words({"left", "right", "wrong"}));
  EXPECT_THAT(said([&] { builder.finish(); }), HasSubstr("no picture shows"));
  EXPECT_GT(builder.add_regions(seen(1), half(true, 2)), 0u);
  EXPECT_EQ(builder.finish().classes()[2].pictures, 1);
  const std::size_t given = builder.add_regions(seen(1), half(true, 0));
  builder.add_regions(seen(1), half(true, 0));  // says nothing new
  const Bank bank = builder.finish();
  EXPECT_EQ(bank.pictures(), 1);
  EXPECT_EQ(bank.classes()[2].examples, 0) << "the region has another name now";
  EXPECT_EQ(bank.classes()[0].examples, static_cast<std::int64_t>(given));
  EXPECT_EQ(bank.weight(), 0.1f);
  EXPECT_FALSE(bank.gate().has_value());
  builder.add_regions(seen(3), half(true, 0));
  EXPECT_EQ(builder.finish().pictures(), 2);
  EXPECT_GT(builder.bytes(), 0u);
}

TEST_F(GrowingBank, RegionsThatAreTooSmallGiveNothing) {
  BankBuilder builder = model_.bank_builder(words({"left", "right"}));
  LabelMap nothing(40, 56, kNoLabel);
  EXPECT_EQ(builder.add_regions(seen(1), nothing), 0u);
  EXPECT_GT(builder.add_regions(seen(2), half(false, 1)), 0u);
  EXPECT_EQ(builder.finish().pictures(), 1) << "the picture without a region does not count";
  EXPECT_THAT(said([&] { builder.add_regions(seen(1), LabelMap(40, 55, 0)); }), HasSubstr("55 × 40"));
  EXPECT_THAT(said([&] { builder.add_regions(seen(1), half(true, 2)); }), HasSubstr("a label 2"));
  Segmenter other = Model::load("formula:tiny").segmenter();
  const ImageFeatures foreign = other.look(ImageView(picture(40, 56)));
  EXPECT_THAT(said([&] { builder.add_regions(foreign, half(true, 0)); }), HasSubstr("another model"));
}

TEST_F(GrowingBank, WordsMayBeAddedAsTheyComeUp) {
  const auto fill = [&](BankBuilder& builder, const std::vector<std::string>& names,
                        const std::vector<int>& seeds) {
    for (const int seed : seeds)
      for (std::size_t side = 0; side < 2; ++side) {
        const auto at = std::ranges::find(names, side == 0 ? "left" : "right") - names.begin();
        builder.add_regions(seen(seed), half(side == 0, static_cast<Label>(at)));
      }
  };
  const std::vector<std::string> few{"left", "right"}, all{"middle", "right", "left"};
  BankBuilder grown = model_.bank_builder(words(few));
  fill(grown, few, {1, 2, 3, 4, 5});
  EXPECT_THAT(said([&] { grown.use(words({"left", "middle"})); }), HasSubstr("right"));
  grown.use(words(all));
  fill(grown, all, {6, 7, 8, 9});
  BankBuilder at_once = model_.bank_builder(words(all));
  fill(at_once, all, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(grown.finish().bytes(), at_once.finish().bytes());
  EXPECT_TRUE(at_once.finish().gate().has_value()) << "eight pictures have a gate";
}

TEST_F(GrowingBank, ComesBackFromAFileAndGoesOn) {
  BankBuilder builder = model_.bank_builder(words({"left", "right"}));
  builder.add_regions(seen(1), half(true, 0));
  const Bank bank = builder.finish();
  bank.save(folder_ / "a.bank");
  const Bank back = Bank::load(folder_ / "a.bank");
  EXPECT_EQ(back.bytes(), bank.bytes());
  EXPECT_EQ(Bank::read(bank.bytes()).bytes(), bank.bytes());
  EXPECT_THAT(said([] { Bank::read(std::vector<std::byte>(20), "mine"); }), HasSubstr("mine"));
  EXPECT_TRUE(model_.takes(back));
  EXPECT_TRUE(back.knows(words({"middle", "LEFT"})));
  EXPECT_FALSE(back.knows(words({"right", "middle"}))) << "it has no example";
  ModelOptions dense;
  dense.method = "maskclip";
  EXPECT_FALSE(Model::load("formula:tiny", dense).takes(back));

  BankBuilder more = model_.bank_builder(words({"RIGHT", "Left", "middle"}), back);
  EXPECT_EQ(more.finish().pictures(), 1);
  more.add_regions(seen(2), half(false, 0));
  const Bank both = more.finish();
  EXPECT_EQ(both.pictures(), 2);
  EXPECT_EQ(both.classes()[0].pictures, 1);
  EXPECT_EQ(both.classes()[1].pictures, 1) << "names are the same whatever their case";
  EXPECT_THAT(said([&] { model_.bank_builder(words({"middle"}), back); }), HasSubstr("left"));
}

TEST_F(GrowingBank, IsTheSameFromC) {
  const auto words_of = [](san_model* model, std::vector<const char*> names) {
    return san_vocabulary_create(model, names.data(), names.size(), nullptr);
  };
  san_model* model = san_model_load("formula:tiny", nullptr);
  san_segmenter* segmenter = san_segmenter_create(model);
  san_vocabulary* few = words_of(model, {"left"});
  san_vocabulary* more = words_of(model, {"right", "left"});
  const Image pixels = picture(40, 56);
  san_pixels view{};
  view.size = sizeof view;
  view.data = pixels.rgb.data();
  view.height = 40, view.width = 56, view.format = SAN_RGB;
  san_features* features = san_look(segmenter, &view, nullptr);
  ASSERT_NE(features, nullptr) << san_last_error();
  san_bank_builder* builder = san_bank_builder_create(model, few);
  const LabelMap left = half(true, 0), right = half(false, 0);
  size_t examples = 0;
  EXPECT_EQ(san_bank_builder_add_regions32(builder, features, left.labels.data(), 7, nullptr, &examples),
            SAN_ERROR);
  EXPECT_EQ(
      san_bank_builder_add_regions32(builder, features, left.labels.data(), 40 * 56, nullptr, &examples),
      SAN_OK);
  EXPECT_GT(examples, 0u);
  EXPECT_EQ(san_bank_builder_use(builder, more), SAN_OK) << san_last_error();
  EXPECT_EQ(san_bank_builder_use(builder, nullptr), SAN_ERROR);
  san_bank* bank = san_bank_builder_finish(builder);
  san_bank_builder* onwards = san_bank_builder_continue(model, more, bank);
  ASSERT_NE(onwards, nullptr) << san_last_error();
  EXPECT_EQ(san_bank_builder_add_regions32(onwards, features, right.labels.data(), 40 * 56, nullptr, nullptr),
            SAN_OK);
  san_bank* both = san_bank_builder_finish(onwards);
  EXPECT_EQ(san_bank_pictures(both, 0), 1);
  EXPECT_EQ(san_bank_pictures(both, 1), 1);
  EXPECT_EQ(san_bank_examples(bank, 0), 0) << "right";
  EXPECT_EQ(san_bank_examples(bank, 1), static_cast<std::int64_t>(examples));
  EXPECT_EQ(san_bank_examples(bank, 2), -1);
  EXPECT_EQ(san_bank_all_pictures(both), 2);
  EXPECT_GT(san_bank_builder_bytes(onwards), san_bank_builder_bytes(builder));

  san_buffer* bytes = san_bank_bytes(both);
  san_bank* back = san_bank_read(san_buffer_data(bytes), san_buffer_size(bytes), nullptr);
  ASSERT_NE(back, nullptr) << san_last_error();
  san_buffer* again = san_bank_bytes(back);
  ASSERT_EQ(san_buffer_size(again), san_buffer_size(bytes));
  EXPECT_EQ(std::memcmp(san_buffer_data(again), san_buffer_data(bytes), san_buffer_size(bytes)), 0);
  EXPECT_EQ(san_bank_read(san_buffer_data(bytes), 20, "mine"), nullptr);
  EXPECT_THAT(san_last_error(), HasSubstr("mine"));
  EXPECT_EQ(san_bank_read(nullptr, 20, nullptr), nullptr);
  EXPECT_THAT(san_last_error(), HasSubstr("bytes is NULL"));
  EXPECT_EQ(san_bank_bytes(nullptr), nullptr);

  san_vocabulary* stranger = words_of(model, {"middle"});
  EXPECT_EQ(san_bank_knows(back, few), 1);
  EXPECT_EQ(san_bank_knows(back, stranger), 0);
  EXPECT_EQ(san_bank_knows(back, nullptr), -1);
  san_model_options options{};
  options.size = sizeof options, options.method = "maskclip";
  san_model* dense = san_model_load("formula:tiny", &options);
  EXPECT_EQ(san_model_takes_bank(model, back), 1);
  EXPECT_EQ(san_model_takes_bank(dense, back), 0);
  EXPECT_EQ(san_model_takes_bank(model, nullptr), -1);
  san_model_free(dense), san_vocabulary_free(stranger);
  san_buffer_free(again), san_buffer_free(bytes), san_bank_free(back);
  san_bank_free(both), san_bank_free(bank);
  san_bank_builder_free(onwards), san_bank_builder_free(builder);
  san_features_free(features);
  san_vocabulary_free(more), san_vocabulary_free(few);
  san_segmenter_free(segmenter);
  san_model_free(model);
}

TEST_F(GrowingBank, GatesAndCancellationReachC) {
  BankBuilder cpp = model_.bank_builder(words({"left", "right"}));
  for (int seed = 1; seed <= 9; ++seed)
    for (const bool left : {true, false}) cpp.add_regions(seen(seed), half(left, left ? 0 : 1));
  const Bank expected = cpp.finish();
  ASSERT_TRUE(expected.gate().has_value());
  const std::vector<std::byte> bytes = expected.bytes();
  san_bank* bank = san_bank_read(bytes.data(), bytes.size(), nullptr);
  float open = 0, closed = 0;
  EXPECT_EQ(san_bank_gate(bank, &open, &closed), 1);
  EXPECT_EQ(open, expected.gate()->open);
  EXPECT_EQ(closed, expected.gate()->closed);
  EXPECT_EQ(san_bank_gate(bank, nullptr, &closed), -1);
  EXPECT_EQ(san_bank_gate(nullptr, &open, &closed), -1);

  san_model* model = san_model_load("formula:tiny", nullptr);
  san_segmenter* segmenter = san_segmenter_create(model);
  san_vocabulary* few = san_vocabulary_parse(model, "left, right", nullptr);
  const Image pixels = picture(40, 56);
  san_pixels view{};
  view.size = sizeof view;
  view.data = pixels.rgb.data();
  view.height = 40, view.width = 56, view.format = SAN_RGB;
  san_features* features = san_look(segmenter, &view, nullptr);
  san_bank_builder* builder = san_bank_builder_create(model, few);
  san_cancellation* stop = san_cancellation_create();
  san_cancellation_cancel(stop);
  const LabelMap left = half(true, 0);
  size_t examples = 77;
  const auto add = [&] {
    return san_bank_builder_add_regions32(builder, features, left.labels.data(), 40 * 56, stop, &examples);
  };
  EXPECT_EQ(add(), SAN_CANCELLED);
  EXPECT_EQ(examples, 77u);
  EXPECT_EQ(san_bank_builder_finish(builder), nullptr) << "nothing was added";
  san_cancellation_reset(stop);
  EXPECT_EQ(add(), SAN_OK) << san_last_error();
  EXPECT_GT(examples, 0u);
  san_bank* one = san_bank_builder_finish(builder);
  open = closed = 5;
  EXPECT_EQ(san_bank_gate(one, &open, &closed), 0) << "one picture tells of no others";
  EXPECT_EQ(open + closed, 10);
  san_cancellation_free(stop), san_bank_builder_free(builder), san_bank_free(one), san_bank_free(bank);
  san_features_free(features), san_vocabulary_free(few), san_segmenter_free(segmenter), san_model_free(model);
}

}  // namespace
}  // namespace san::testing
