#include "train/contrastive.h"

#include <gtest/gtest.h>

#include "model/initial_parameters.h"
#include "train/recipe.h"

namespace san {
namespace {

using Pairs = std::vector<std::pair<int, int>>;

at::Tensor unit_rows(std::int64_t rows, std::int64_t columns) {
  const at::Tensor x = at::randn({rows, columns});
  return x / x.norm(2, {1}, true);
}

TEST(InfoNce, IsTheMeanOfBothDirections) {
  at::manual_seed(1);
  const at::Tensor images = unit_rows(4, 8), texts = unit_rows(4, 8), scale = at::tensor({1.5f});
  const at::Tensor logits = at::matmul(images, texts.t()).to(at::kDouble) * std::exp(1.5);
  double expected = 0;
  for (int i = 0; i < 4; ++i)
    for (const at::Tensor& row : {logits[i], logits.select(1, i)})
      expected -= (row[i] - row.exp().sum().log()).item<double>() / 8;
  EXPECT_NEAR(info_nce(images, texts, images, texts, 0, scale).item<double>(), expected, 1e-5);
}

TEST(InfoNce, AlikePairsCountNeitherWay) {
  at::manual_seed(2);
  const at::Tensor scale = at::tensor({2.0f});
  at::Tensor images = unit_rows(3, 8), texts = unit_rows(3, 8);
  const Pairs alike{{0, 2}, {2, 0}};
  const double before = info_nce(images, texts, images, texts, 0, scale, alike).item<double>();
  // Dropping pair 2 changes what pairs 0 and 1 compare with only through pair 1 and 2.
  const at::Tensor two_images = images.narrow(0, 0, 1), two_texts = texts.narrow(0, 0, 1);
  const double first_alone =
      info_nce(two_images, two_texts, images.narrow(0, 0, 2), texts.narrow(0, 0, 2), 0, scale).item<double>();
  const double first_of_three =
      info_nce(two_images, two_texts, images, texts, 0, scale, alike).item<double>();
  EXPECT_NEAR(first_alone, first_of_three, 1e-6);
  EXPECT_LT(before, info_nce(images, texts, images, texts, 0, scale).item<double>());
}

TEST(InfoNce, PartsOfABatchAverageToTheWhole) {
  at::manual_seed(3);
  const at::Tensor images = unit_rows(6, 8), texts = unit_rows(6, 8), scale = at::tensor({2.0f});
  const Pairs alike{{0, 5}, {5, 0}, {1, 2}, {2, 1}};
  double sum = 0;
  for (int first = 0; first < 6; first += 3)
    sum += info_nce(images.narrow(0, first, 3), texts.narrow(0, first, 3), images, texts, first, scale, alike)
               .item<double>();
  EXPECT_NEAR(sum / 2, info_nce(images, texts, images, texts, 0, scale, alike).item<double>(), 1e-6);
}

TEST(AlikePairs, ListThoseThatShareAPrincipalSubject) {
  const std::vector<std::vector<int>> subjects{{1}, {2, 1}, {3}, {1}};
  EXPECT_EQ(alike_pairs(subjects), (Pairs{{0, 1}, {0, 3}, {1, 0}, {1, 3}, {3, 0}, {3, 1}}));
}

TEST(ContrastiveClip, PaddingChangesNoPrompt) {
  SanConfig config = SanConfig::tiny();
  config.clip.vocabulary = 600;
  const InitialParameters weights(config, 3);
  ContrastiveClip clip(std::make_shared<TorchBackend>(TorchOptions{}), weights, config.clip,
                       config.feature_layer, trainable_rule({"clip_text"}));
  const std::vector<int> brief{598, 5, 599}, lengthy{598, 7, 8, 9, 10, 599};
  const at::Tensor together = clip.embed_prompts({brief, lengthy});
  EXPECT_TRUE(at::allclose(together.narrow(0, 0, 1), clip.embed_prompts({brief}), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(together.narrow(0, 1, 1), clip.embed_prompts({lengthy}), 1e-5, 1e-6));
}

TEST(ContrastiveClip, GradientsReachEveryParameterOfBothTowers) {
  SanConfig config = SanConfig::tiny();
  config.clip.vocabulary = 600;
  const InitialParameters weights(config, 3);
  const auto backend = std::make_shared<TorchBackend>(TorchOptions{"cpu", Precision::kF32, true});
  ContrastiveClip clip(backend, weights, config.clip, config.feature_layer,
                       trainable_rule({"clip_vision", "position", "clip_text", "logit_scale"}));
  at::manual_seed(5);
  const at::Tensor images = clip.embed_images(at::randn({2, 64, 64, 3}));
  const at::Tensor texts = clip.embed_prompts({{598, 5, 599}, {598, 9, 7, 599}});
  info_nce(images, texts, images, texts, 0, clip.logit_scale()).backward();
  for (const std::string& name : backend->parameters()->trainable_names())
    EXPECT_TRUE((*backend->parameters())[name].grad().defined()) << name;
  // Everything that SAN takes from CLIP, under SAN's names.
  for (const std::string& name : weights.names())
    EXPECT_EQ(backend->parameters()->contains(name), !is_adapter_parameter(name)) << name;
}

}  // namespace
}  // namespace san
