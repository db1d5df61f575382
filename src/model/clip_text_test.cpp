#include "model/clip_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "backend/count/count_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "checkpoint/formula.h"
#include "model/san.h"

namespace san {
namespace {

using testing::ElementsAre;

// Start, beginning, name, what follows it, end.
std::vector<int> prompt(std::vector<int> beginning, const std::vector<int>& name,
                        const std::vector<int>& rest) {
  constexpr int kStart = 49406, kEnd = 49407;
  beginning.insert(beginning.begin(), kStart);
  beginning.insert(beginning.end(), name.begin(), name.end());
  beginning.insert(beginning.end(), rest.begin(), rest.end());
  beginning.push_back(kEnd);
  return beginning;
}

std::vector<int> random_tokens(std::size_t count, std::uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<int> tokens(count);
  for (int& token : tokens) token = static_cast<int>(rng() % 49000);
  return tokens;
}

// Names of one to eight tokens and one that fills the context, in templates with and without a beginning and
// an ending; prompts that are equal, and one that ends where another goes on.
Prompts all_kinds() {
  const std::vector<std::pair<std::vector<int>, std::vector<int>>> templates = {
      {{320, 1125, 539, 320}, {269}}, {{320, 1125, 539, 320}, {530, 518, 3562}}, {{}, {}}, {{997}, {}}};
  std::vector<std::vector<int>> names{{7}, {7, 8}, {7, 9}, {500}, {7}, random_tokens(8, 1)};
  Prompts prompts;
  for (const auto& name : names)
    for (const auto& [beginning, rest] : templates) prompts.push_back(prompt(beginning, name, rest));
  prompts.push_back(prompt({320, 1125, 539, 320}, random_tokens(70, 2), {269}));  // 77 in all
  prompts.push_back({49406, 49407});
  prompts.push_back({5});
  return prompts;
}

struct Tower {
  explicit Tower(const ClipConfig& config, Backend& b)
      : source(declared(config), "", "formula"),
        loader(b, source),
        text(ParamScope(loader, "ov_classifier"), config) {}
  static std::vector<Declaration> declared(const ClipConfig& config) {
    ParamLoader names;
    const ClipText text(ParamScope(names, "ov_classifier"), config);
    return names.declarations();
  }
  FormulaSource source;
  ParamLoader loader;
  ClipText text;
};

// Both forms run on the reference backend, whose sums are double: only the float32 rounding of intermediate
// tensors differs.
TEST(ClipText, PromptsTogetherEqualEachAlone) {
  for (const char* name : {"tiny", "deep"}) {
    ClipConfig config = SanConfig::tiny().clip;
    if (name == std::string("deep")) config.text_layers = 5, config.text_width = 48, config.text_heads = 3;
    const auto b = make_reference_backend();
    const Tower tower(config, *b);
    const Prompts prompts = all_kinds();
    EXPECT_EQ(prompts[prompts.size() - 3].size(), 77u);
    const Tensor alone = tower.text.encode(*b, prompts, Form::kDefinition);
    const Tensor together = tower.text.encode(*b, prompts, Form::kRewritten);
    ASSERT_EQ(together.shape(), (Shape{static_cast<std::int64_t>(prompts.size()), config.embed_dim}));
    ASSERT_EQ(alone.shape(), together.shape());
    const auto expected = b->to_host(alone), got = b->to_host(together);
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-6) << name << i;
    // And two of one length, as training and recordings run them.
    const auto dim = static_cast<std::size_t>(config.embed_dim);
    const auto rows = b->to_host(tower.text.forward(*b, prompt_ids(*b, {prompts[4], prompts[8]})));
    for (std::size_t d = 0; d < dim; ++d) {
      ASSERT_NEAR(rows[d], expected[4 * dim + d], 2e-6) << name << d;
      ASSERT_NEAR(rows[dim + d], expected[8 * dim + d], 2e-6) << name << d;
    }
  }
}

TEST(ClipText, APromptDoesNotDependOnItsCompany) {
  const auto b = make_reference_backend();
  const Tower tower(SanConfig::tiny().clip, *b);
  const Prompts prompts = all_kinds();
  const auto dim = static_cast<std::size_t>(SanConfig::tiny().clip.embed_dim);
  const auto together = b->to_host(tower.text.encode(*b, prompts, Form::kRewritten));
  for (std::size_t p = 0; p < prompts.size(); p += 3) {
    const auto alone = b->to_host(tower.text.encode(*b, {prompts[p]}, Form::kRewritten));
    for (std::size_t d = 0; d < dim; ++d) ASSERT_NEAR(alone[d], together[p * dim + d], 2e-6) << p;
  }
}

TEST(ClipText, TheBackendChoosesTheForm) {
  const auto macs = [](CountMode mode, const Prompts& prompts) {
    const auto b = make_count_backend(mode);
    ParamLoader loader;
    const ClipText text(ParamScope(loader, "ov_classifier"), SanConfig::vit_b_16().clip);
    text.encode(*b, prompts);
    return b->cost().macs;
  };
  const Prompts two{prompt({1, 2, 3}, {4}, {}), prompt({1, 2, 3}, {5}, {})};
  // By definition two prompts take twice as much; together the second adds its name and its end.
  const Prompts one{two[0]};
  EXPECT_EQ(macs(CountMode::kDefinition, two), 2 * macs(CountMode::kDefinition, one));
  EXPECT_LT(macs(CountMode::kNeeded, two), 1.45 * static_cast<double>(macs(CountMode::kNeeded, one)));
  EXPECT_LT(macs(CountMode::kNeeded, one), macs(CountMode::kDefinition, one));
}

TEST(ClipText, SaysWhichPromptDoesNotFit) {
  const auto b = make_reference_backend();
  const Tower tower(SanConfig::tiny().clip, *b);
  for (const Form form : {Form::kDefinition, Form::kRewritten}) {
    EXPECT_THROW(tower.text.encode(*b, {}, form), Error);
    EXPECT_THROW(tower.text.encode(*b, {{1}, {}}, form), Error);
    EXPECT_THROW(tower.text.encode(*b, {random_tokens(78, 1)}, form), Error);
  }
}

TEST(PromptTree, SharesBeginningsAndNothingElse) {
  const PromptTree t({{1, 2, 3}, {1, 2, 4, 3}, {9, 2, 3}, {1, 2, 3}, {1}});
  EXPECT_THAT(t.ids, ElementsAre(1, 2, 3, 4, 3, 9, 2, 3));
  EXPECT_THAT(t.tree.parents, ElementsAre(-1, 0, 1, 1, 3, -1, 5, 6));
  EXPECT_THAT(t.ends, ElementsAre(2, 4, 7, 2, 0));
  EXPECT_THAT(t.tree.depths(), ElementsAre(0, 1, 2, 2, 3, 0, 1, 2));
}

}  // namespace
}  // namespace san
