#include "bank/bank.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numbers>

#include "bank/builder.h"
#include "bank/examples.h"
#include "bank/retrieval.h"
#include "base/labels.h"
#include "base/random.h"
#include "base/test_error.h"
#include "checkpoint/safetensors.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;
constexpr int kDim = 16;

std::vector<float> direction(int axis, float noise, Rng& rng) {
  std::vector<float> v(kDim);
  double square = 0;
  for (int d = 0; d < kDim; ++d) {
    v[static_cast<std::size_t>(d)] = (d == axis ? 1.0f : 0.0f) + noise * rng.uniform(-1.0f, 1.0f);
    square += std::pow(v[static_cast<std::size_t>(d)], 2);
  }
  for (float& x : v) x /= static_cast<float>(std::sqrt(square));
  return v;
}

/// Class c's examples lie around axis c, `per_class` pictures of one example each.
ExampleBank some_bank(int classes, int per_class, float noise = 0.2f) {
  ExampleBank bank;
  bank.network = "net";
  bank.dim = kDim;
  Rng rng(7, 1, 1);
  for (int c = 0; c < classes; ++c) {
    bank.classes.push_back("class " + std::to_string(c));
    for (int i = 0; i < per_class; ++i) {
      const auto v = direction(c, noise, rng);
      bank.examples.insert(bank.examples.end(), v.begin(), v.end());
      bank.class_of.push_back(c);
      bank.picture_of.push_back(static_cast<std::int32_t>(bank.pictures++));
      bank.shares.push_back(1);
    }
  }
  // All regions: the examples themselves.
  const auto n = static_cast<float>(bank.count());
  bank.mean.resize(kDim);
  bank.covariance.resize(kDim * kDim);
  for (std::size_t i = 0; i < bank.examples.size(); ++i) bank.mean[i % kDim] += bank.examples[i] / n;
  for (std::size_t i = 0; i < bank.examples.size(); i += kDim)
    for (std::size_t a = 0; a < kDim; ++a)
      for (std::size_t b = 0; b < kDim; ++b)
        bank.covariance[a * kDim + b] +=
            (bank.examples[i + a] - bank.mean[a]) * (bank.examples[i + b] - bank.mean[b]) / n;
  return bank;
}

class BankFile : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_ = fs::temp_directory_path() / ("san-bank-" + std::to_string(::getpid()));
  fs::path path_ = folder_ / "a.bank";

  /// The file of a bank of two classes and four examples with one thing changed.
  void write(const std::map<std::string, std::string>& metadata, std::vector<float> examples = {},
             std::vector<std::int32_t> class_of = {0, 0, 1, 1}, float corner = 0) {
    const ExampleBank bank = some_bank(2, 2);
    std::vector<float> covariance = bank.covariance;
    covariance[kDim - 1] += corner;
    if (examples.empty()) examples = bank.examples;
    std::map<std::string, std::string> all{{"format", "san bank 2"},    {"network", "net"},
                                           {"classes", R"(["a","b"])"}, {"pictures", "4"},
                                           {"weight", "1.0"},           {"gate", "[10, 20.5]"}};
    for (const auto& [key, value] : metadata) all[key] = value;
    const auto n = static_cast<std::int64_t>(class_of.size());
    write_safetensors(path_,
                      {{"examples", DType::kF16, {4, kDim}},
                       {"class_of", DType::kI32, {n}},
                       {"picture_of", DType::kI32, {4}},
                       {"shares", DType::kF32, {4}},
                       {"mean", DType::kF32, {kDim}},
                       {"covariance", DType::kF32, {kDim, kDim}}},
                      all, [&](const TensorInfo& info) {
                        if (info.name == "class_of") return HostArray::from_i32(info.shape, class_of);
                        if (info.name == "picture_of") return HostArray::from_i32(info.shape, {0, 1, 2, 3});
                        if (info.name == "shares") return HostArray::from(info.shape, {1, 1, 1, 1});
                        if (info.name == "mean") return HostArray::from(info.shape, bank.mean);
                        if (info.name == "covariance") return HostArray::from(info.shape, covariance);
                        return HostArray::from(info.shape, examples).cast(DType::kF16);
                      });
  }
  void expect_refused(const std::string& words) {
    SCOPED_TRACE(words);
    EXPECT_NE(error_of([&] { load_bank(path_); }).find(words), std::string::npos)
        << error_of([&] { load_bank(path_); });
  }
};

TEST_F(BankFile, ComesBackAsItWas) {
  ExampleBank bank = some_bank(3, 2);
  bank.weight = 0.5f;
  bank.gate = PictureGate{12.5f, 20};
  bank.picture_of[1] = 0;  // two examples of one picture
  save_bank(bank, path_);
  const ExampleBank back = load_bank(path_);
  EXPECT_EQ(back.classes, bank.classes);
  EXPECT_EQ(back.network, "net");
  EXPECT_EQ(back.class_of, bank.class_of);
  EXPECT_EQ(back.picture_of, bank.picture_of);
  EXPECT_EQ(back.shares, bank.shares);
  EXPECT_EQ(back.pictures, 6);
  EXPECT_EQ(back.weight, 0.5f);
  ASSERT_TRUE(back.gate.has_value());
  EXPECT_EQ(back.gate->open, 12.5f);
  EXPECT_EQ(back.gate->closed, 20);
  ASSERT_EQ(back.examples.size(), bank.examples.size());
  for (std::size_t i = 0; i < bank.examples.size(); ++i)
    EXPECT_NEAR(back.examples[i], bank.examples[i], 1.0 / 2048);  // kept as float16, values below 1
  EXPECT_EQ(back.pictures_of_classes(), (std::vector<std::int64_t>{1, 2, 2}));
}

TEST_F(BankFile, MayHaveNoGateAsThoseOfFormatOneHadNone) {
  write({{"format", "san bank 1"}, {"gate", "not read"}});
  EXPECT_FALSE(load_bank(path_).gate.has_value());
  EXPECT_EQ(load_bank(path_).count(), 4);
  save_bank(some_bank(2, 2), path_);
  EXPECT_FALSE(load_bank(path_).gate.has_value());
}

TEST_F(BankFile, RefusesWhatItDoesNotWrite) {
  write({});
  EXPECT_EQ(load_bank(path_).count(), 4);
  write({{"format", "san bank 3"}});
  expect_refused("not a bank of examples");
  write({{"classes", R"(["a","a"])"}});
  expect_refused("is named twice");
  write({{"classes", R"(["a","\u001b[31m"])"}});
  expect_refused("list of classes is damaged");
  write({{"classes", "7"}});
  expect_refused("list of classes is damaged");
  write({{"pictures", "3"}});
  expect_refused("\"picture_of\" has an index 3; expected 0 to 2");
  write({{"weight", "-1"}});
  expect_refused("\"weight\" is no number from 0");
  write({{"weight", "nan"}});
  expect_refused("\"weight\": not valid JSON");
  for (const char* gate : {"7", "[1]", "[2, 1]", "[1, 1]", "[-1, 1]", R"([1, "2"])", "[1, 1e40]", "{}"}) {
    write({{"gate", gate}});
    expect_refused("\"gate\" is no two distances");
  }
  write({}, {}, {0, 0, 1, 2});
  expect_refused("\"class_of\" has an index 2; expected 0 to 1");
  write({}, {}, {0, 0, 1});
  expect_refused("expected \"class_of\" of shape [4]");
  std::vector<float> examples = some_bank(2, 2).examples;
  examples[kDim] = 0.5f * examples[kDim] + 2;
  write({}, examples);
  expect_refused("example 1 is no embedding of length 1");
  write({}, {}, {0, 0, 1, 1}, 0.1f);
  expect_refused("covariance is not symmetric");
  write({}, {}, {0, 0, 1, 1}, 7);
  expect_refused("mean or covariance that embeddings of length 1 cannot have");
  examples[kDim] = std::nanf("");
  write({}, examples);
  expect_refused("example 1 is no embedding of length 1");
}

/// A picture of 8 × 8 pixels on a grid of 4 × 4, whose queries see the left half, the right half and nothing.
std::unique_ptr<MaskFeatures> two_halves() {
  auto made = std::make_unique<MaskFeatures>();
  MaskFeatures& seen = *made;
  seen.height = seen.width = 8;
  for (int q = 0; q < 3; ++q)
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 4; ++x) seen.masks.push_back(q < 2 && (x < 2) == (q == 0) ? 20.0f : -20.0f);
  for (int q = 0; q < 3; ++q)
    for (int d = 0; d < kDim; ++d) seen.embeddings.push_back(d == q ? 1.0f : 0.0f);
  seen.view.queries = 3;
  seen.view.mask_logits = seen.masks;
  seen.view.grid_height = seen.view.grid_width = 4;
  seen.view.padded_height = seen.view.padded_width = 8;
  seen.view.content_height = seen.view.content_width = 8;
  return made;
}

TEST(Examples, MasksAreMeasuredAgainstClasses) {
  const auto made = two_halves();
  const MaskFeatures& seen = *made;
  LabelMap truth(8, 8, kNoLabel);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 4; ++x) truth.row(y)[x] = 3;  // the left half
  truth.row(0)[7] = 1;                                // and one pixel at the right
  const MaskOverlaps lie = overlaps(seen, truth, 5);
  EXPECT_EQ(lie.classes, (std::vector<int>{1, 3}));
  EXPECT_EQ(lie.areas, (std::vector<double>{1, 32}));
  EXPECT_NEAR(lie.mask_areas[0], 32, 1e-5);  // σ(±20) is 2e-9 from 0 and 1
  EXPECT_NEAR(lie.inside[1][0], 32, 1e-5);
  EXPECT_NEAR(lie.inside[1][1], 0, 1e-5);
  EXPECT_NEAR(lie.inside[0][1], 1, 1e-5);
}

TEST(Examples, AreTheQueriesThatLieOnTheClass) {
  const auto made = two_halves();
  const MaskFeatures& seen = *made;
  LabelMap truth(8, 8, 0);
  for (int y = 0; y < 8; ++y)
    for (int x = 4; x < 8; ++x) truth.row(y)[x] = 2;
  const std::vector<RegionExample> examples = pool_examples(seen, truth, 3);
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].class_index, 0);
  EXPECT_EQ(examples[0].query, 0);
  EXPECT_EQ(examples[1].class_index, 2);
  EXPECT_EQ(examples[1].embedding[1], 1.0f);
  EXPECT_EQ(examples[1].share, 1.0f);
}

TEST(Examples, RefuseForeignLabelsAndSizes) {
  const auto made = two_halves();
  const MaskFeatures& seen = *made;
  EXPECT_NE(error_of([&] { pool_examples(seen, LabelMap(8, 8, 3), 3); }).find("a label 3"),
            std::string::npos);
  EXPECT_NE(error_of([&] { pool_examples(seen, LabelMap(8, 7, 0), 3); }).find("7 × 8"), std::string::npos);
}

TEST(Examples, TheMiddleStandsForAPictureOfOneThing) {
  const LabelMap map = middle_of(40, 60, 2);
  EXPECT_EQ(map.row(20)[30], 2);
  EXPECT_EQ(map.row(0)[0], kNoLabel);
  const auto inside = std::ranges::count(map.labels, Label{2});
  EXPECT_NEAR(static_cast<double>(inside), std::numbers::pi * 14 * 21,
              20);  // an ellipse, to its rim's pixels
}

TextEmbeddings words_of(const std::vector<std::string>& classes) {
  TextEmbeddings words;
  words.first_row = {0};
  words.dim = kDim;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    words.classes.push_back(classes[c]);
    words.first_row.push_back(static_cast<int>(c) + 1);
    for (int d = 0; d < kDim; ++d) words.rows.push_back(d == kDim - 1 ? 1.0f : 0.0f);
  }
  return words;
}

TEST(Retrieval, PutsTheClassOfTheExamplesFirst) {
  const auto words = with_examples(words_of({"Class 2", "class 0", "class 1"}), some_bank(3, 5), "net", 1);
  Rng rng(3, 3, 3);
  std::vector<float> logits(9), embeddings;
  for (const int c : {0, 1, 2}) {
    const auto v = direction(c, 0.2f, rng);
    embeddings.insert(embeddings.end(), v.begin(), v.end());
  }
  words->examples->add(embeddings, logits);
  const auto best = [&](int row) {
    const auto begin = logits.begin() + 3 * row;
    return std::max_element(begin, begin + 3) - begin;
  };
  EXPECT_EQ(best(0), 1);  // names differ in case alone, places are the vocabulary's
  EXPECT_EQ(best(1), 2);
  EXPECT_EQ(best(2), 0);
}

TEST(Retrieval, LeavesAClassWithoutExamplesToItsWords) {
  const auto words = with_examples(words_of({"class 0", "unheard of"}), some_bank(2, 5), "net", 1);
  std::vector<float> logits{1, 2};
  Rng rng(3, 3, 3);
  words->examples->add(direction(1, 0.1f, rng), logits);
  EXPECT_EQ(logits[1], 2);
  EXPECT_NE(logits[0], 1);
}

TEST(Retrieval, FewPicturesSpeakForTheirClassAndNeverAgainstIt) {
  Rng rng(3, 3, 3);
  const std::vector<float> like = direction(0, 0, rng), unlike = direction(kDim - 1, 0, rng);
  const auto asked = [](int pictures, const std::vector<float>& embedding) {
    std::vector<float> logits{0, 0};
    with_examples(words_of({"class 0", "class 1"}), some_bank(8, pictures), "net", 1)
        ->examples->add(embedding, logits);
    return logits;
  };
  EXPECT_GT(asked(4, like)[0], 1);
  EXPECT_EQ(asked(4, like)[1], 0);
  EXPECT_EQ(asked(4, unlike), (std::vector<float>{0, 0}));
  EXPECT_LT(asked(5, like)[1], -1) << "from five on they tell what the class does not look like";
  EXPECT_GT(asked(4, like)[0], asked(3, like)[0]) << "the mean of fewer is less certain";
}

TEST(Retrieval, WeightZeroIsWordsAlone) {
  const auto words = with_examples(words_of({"class 0", "class 1"}), some_bank(2, 5), "net", 0);
  std::vector<float> logits{1, 2};
  Rng rng(3, 3, 3);
  words->examples->add(direction(1, 0.1f, rng), logits);
  EXPECT_EQ(logits, (std::vector<float>{1, 2}));
}

TEST(Retrieval, LeavesPicturesUnlikeTheBanksToTheWords) {
  ExampleBank bank = some_bank(3, 40);  // its own are some 16 away, other axes 1 / 0.2² · 3 = 75
  bank.gate = PictureGate{30, 50};
  const TextEmbeddings words = words_of({"class 0", "class 1", "class 2"});
  Rng rng(3, 3, 3);
  std::vector<float> alike, unlike;
  for (const int c : {0, 1, 2}) {
    const auto near = direction(c, 0.2f, rng), far = direction(kDim - 1 - c, 0.2f, rng);  // axes of no class
    alike.insert(alike.end(), near.begin(), near.end()), unlike.insert(unlike.end(), far.begin(), far.end());
  }
  const auto asked = [&](const std::vector<float>& embeddings, float weight) {
    std::vector<float> logits(9, 1);
    with_examples(words, bank, "net", weight)->examples->add(embeddings, logits);
    return logits;
  };
  const std::vector<float> untouched(9, 1);
  EXPECT_NE(asked(alike, -1), untouched);
  EXPECT_EQ(asked(unlike, -1), untouched);
  EXPECT_NE(asked(unlike, bank.weight), untouched) << "a weight that was asked for holds for every picture";
  EXPECT_EQ(asked(alike, -1), asked(alike, bank.weight)) << "a picture like the bank's counts in full";
  bank.gate.reset();
  EXPECT_NE(asked(unlike, -1), untouched);
}

TEST(Retrieval, RefusesAForeignBank) {
  const auto said = [](const auto& body) { return error_of(body); };
  EXPECT_NE(
      said([] { with_examples(words_of({"class 0"}), some_bank(2, 2), "other", 1); }).find("another network"),
      std::string::npos);
  EXPECT_NE(
      said([] { with_examples(words_of({"x"}), some_bank(2, 2), "net", 1); }).find("none of the classes"),
      std::string::npos);
}

TEST(Calibration, TrustsExamplesThatAgreeAndNotThoseThatDoNot) {
  const ExampleBank good = some_bank(4, 5);
  const auto n = static_cast<std::size_t>(good.count());
  const std::vector<float> nothing(n * 4);  // words that say nothing
  EXPECT_GE(calibrate(good, nothing), 0.4f);
  // Words that are always right, and examples whose classes were drawn by lot.
  ExampleBank bad = some_bank(4, 5);
  std::vector<float> right(n * 4);
  Rng rng(5, 5, 5);
  for (std::size_t i = 0; i < n; ++i) {
    bad.class_of[i] = rng.below(4);
    right[i * 4 + static_cast<std::size_t>(bad.class_of[i])] = 10;
  }
  EXPECT_LT(calibrate(bad, right), calibrate(good, nothing));
}

}  // namespace
}  // namespace san
