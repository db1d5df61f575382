// The text side as it ships: tokenizer, templates, tower on the native backend, cache.
#include "engine/encode_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>

#include "backend/count/count_backend.h"
#include "backend/native/native_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "engine/int8_weights.h"
#include "model/clip_text.h"
#include "san/label_sets.hpp"

namespace san {
namespace {

constexpr const char* kClasses =
    "cat, traffic light|traffic sign, a, caf\xc3\xa9 \xe6\xa4\x85\xe5\xad\x90, sky, "
    "computer computing machine computing device data processor electronic computer, grass";

const LoadedModel& tiny() {
  static const LoadedModel model = load_model("formula:tiny");
  return model;
}

EncodingOptions quiet() {
  EncodingOptions o;
  o.use_cache = false, o.quiet = true;
  return o;
}

std::shared_ptr<const TextEmbeddings> encode(const Backend& b, const std::string& classes,
                                             const EncodingOptions& o = quiet()) {
  return encode_vocabulary(tiny(), b, parse_class_list(classes), o);
}

std::vector<float> row(const TextEmbeddings& text, int index) {
  const auto begin = text.rows.begin() + std::ptrdiff_t{index} * text.dim;
  return {begin, begin + text.dim};
}

// The reference backend runs every prompt alone, in sums of double; the native one shares their beginnings in
// float32. Values are up to 1; rounding through two blocks stays below 2e-6.
TEST(EncodeVocabulary, SharedBeginningsEqualPromptsAlone) {
  for (const std::vector<std::string>& templates :
       {std::vector<std::string>{}, {"{}"}, {"{} in the scene.", "a {}", "{}"}}) {
    EncodingOptions o = quiet();
    o.templates = templates;
    const auto expected = encode(*make_reference_backend(), kClasses, o);
    const auto got = encode(*make_native_backend({2}), kClasses, o);
    ASSERT_EQ(expected->rows.size(), got->rows.size());
    for (std::size_t i = 0; i < got->rows.size(); ++i)
      ASSERT_NEAR(got->rows[i], expected->rows[i], 2e-6) << i;
  }
}

// Rows are rounded one by one, in int8 each by its own range, so that a name is worth the same in every list.
// Through the tiny network's two blocks with random weights steps of 1/255 leave the directions of
// embeddings: cosines of 0.99 and more; bfloat16's 2^-9 are ten times as fine in what is small.
TEST(EncodeVocabulary, OtherPrecisionsAreNearAndTheSameInEveryVocabulary) {
  const auto exact = encode(*make_native_backend({2}), kClasses);
  for (const bool int8 : {true, false}) {
    SCOPED_TRACE(int8 ? "int8" : "bf16");
    const auto rounding = [&](int threads) {
      const WeightRule rule = text_rule(tiny());
      return make_native_backend({threads, nullptr, int8 ? rule : nullptr, int8 ? nullptr : rule, true});
    };
    const auto all = encode(*rounding(2), kClasses);
    EXPECT_NE(all->rows, exact->rows);
    const auto embeddings = static_cast<int>(all->rows.size() / static_cast<std::size_t>(all->dim));
    for (int i = 0; i < embeddings; ++i) {
      const std::vector<float> x = row(*all, i), y = row(*exact, i);
      EXPECT_GT(std::inner_product(x.begin(), x.end(), y.begin(), 0.0), 0.99) << i;
    }
    EXPECT_EQ(encode(*rounding(1), kClasses)->rows, all->rows);
    EXPECT_EQ(encode(*rounding(2), "cat")->rows, row(*all, 0));
  }
}

// Every token's sums run in one order whatever is computed beside it, so that what a name is worth does not
// depend on the list it is in, nor on the number of threads.
TEST(EncodeVocabulary, ANameHasTheSameBitsInEveryVocabulary) {
  const auto all = encode(*make_native_backend({2}), kClasses);
  const auto one_thread = encode(*make_native_backend({1}), kClasses);
  EXPECT_EQ(one_thread->rows, all->rows);
  const std::vector<ClassName> classes = parse_class_list(kClasses);
  int index = 0;
  for (const ClassName& c : classes)
    for (const std::string& name : c.names) {
      const std::vector<ClassName> alone{{name, {name}}};
      EXPECT_EQ(encode_vocabulary(tiny(), *make_native_backend({2}), alone, quiet())->rows,
                row(*all, index++))
          << name;
    }
}

// A whole prompt alone in the plain causal form has the bits that it has among others.
TEST(EncodeVocabulary, SharingKeepsTheBits) {
  const auto b = make_native_backend({2});
  ParamLoader loader(*b, *tiny().parameters);
  const ClipText tower(ParamScope(loader, "ov_classifier"), san_config(tiny(), "test").clip);
  Prompts prompts;
  for (const ClassName& c : parse_class_list(kClasses))
    for (std::size_t t = 0; t < tiny().templates.texts.size(); ++t)
      prompts.push_back(tiny().tokenizer->encode(tiny().templates.fill(t, c.names[0])));
  const auto alone = b->to_host(tower.encode(*b, prompts, Form::kDefinition));
  const auto together = b->to_host(tower.encode(*b, prompts, Form::kRewritten));
  EXPECT_EQ(alone, together);
}

// What the sharing is for: fewer than half of the multiply-adds on a published list.
TEST(EncodeVocabulary, SharingHalvesTheWorkOnAPublishedList) {
  const ClipConfig clip = SanConfig::vit_b_16().clip;
  const auto macs = [&](CountMode mode, const Prompts& prompts) {
    const auto b = make_count_backend(mode);
    ParamLoader loader;
    ClipText(ParamScope(loader, "ov_classifier"), clip).encode(*b, prompts);
    return static_cast<double>(b->cost().macs);
  };
  Prompts prompts;
  for (const ClassName& c : parse_classes(label_set("voc-20").classes, "voc"))
    for (std::size_t t = 0; t < tiny().templates.texts.size(); ++t)
      prompts.push_back(tiny().tokenizer->encode(tiny().templates.fill(t, c.names[0])));
  EXPECT_GT(macs(CountMode::kDefinition, prompts), 2 * macs(CountMode::kNeeded, prompts));
}

struct CacheFolder {
  CacheFolder() : path(std::filesystem::path(testing::TempDir()) / fmt::format("san_words_{}", ::getpid())) {
    std::filesystem::remove_all(path);
  }
  ~CacheFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

// One new class in a cached vocabulary costs its own prompts; none costs no text tower at all.
TEST(EncodeVocabulary, OnlyNewClassesAreComputed) {
  const CacheFolder folder;
  std::vector<std::int64_t> totals;
  EncodingOptions o = quiet();
  o.use_cache = true, o.cache = folder.path;
  o.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    totals.push_back(total);
  };
  const auto b = make_native_backend({1});
  const auto first = encode(*b, "cat, sky|clouds, grass", o);
  ASSERT_FALSE(totals.empty());
  EXPECT_EQ(totals.back(), 4 * 14);
  totals.clear();
  const auto second = encode(*b, "grass, dog, cat, sky|clouds", o);
  ASSERT_EQ(totals.size(), 1u) << "one batch";
  EXPECT_EQ(totals.back(), 14) << "dog alone";
  EXPECT_EQ(row(*second, 0), row(*first, 3));
  EXPECT_EQ(row(*second, 2), row(*first, 0));
  totals.clear();
  EXPECT_EQ(encode(*b, "dog, sky", o)->row_count(), 2);
  EXPECT_TRUE(totals.empty());
  o.templates = {"{}"};  // a scope of its own
  encode(*b, "dog", o);
  EXPECT_EQ(totals.back(), 1);
}

TEST(EncodeVocabulary, StopsWithinABatchAndGoesOnLater) {
  const CacheFolder folder;
  EncodingOptions o = quiet();
  o.use_cache = true, o.cache = folder.path;
  std::atomic<bool> cancelled = false;
  o.cancelled = &cancelled;
  const auto b = make_native_backend({1});
  std::string many = "thing 0";
  for (int i = 1; i < 600; ++i) many += fmt::format(", thing {}", i);
  std::int64_t done = 0;
  o.progress = [&](std::int64_t so_far, std::int64_t) {
    done = so_far;
    cancelled = so_far >= 300 * 14;  // in the second round of 256 names
  };
  EXPECT_THROW(encode(*b, many, o), Cancelled);
  EXPECT_LT(done, 600 * 14);
  cancelled = false;
  std::int64_t total = 0;
  o.progress = [&](std::int64_t, std::int64_t all) { total = all; };
  EXPECT_EQ(encode(*b, many, o)->row_count(), 600);
  EXPECT_EQ(total, (600 - 256) * 14) << "the first round was kept";
}

}  // namespace
}  // namespace san
