#include "train/network.h"

#include <gtest/gtest.h>

#include "model/initial_parameters.h"

namespace san {
namespace {

TEST(TrainableSan, AClassWithSynonymsHasTheLogitOfItsBestName) {
  const SanConfig config = SanConfig::tiny();
  const auto backend = std::make_shared<TorchBackend>(TorchOptions{"cpu", Precision::kF32, true, 1});
  TrainableSan network(backend, InitialParameters(config, 3), config);
  at::manual_seed(1);
  const at::Tensor images = at::randn({2, 64, 96, 3}), rows = at::randn({3, config.clip.embed_dim});
  const at::Tensor names = at::tensor(std::vector<std::int64_t>{1, 1, 0, 2}, at::kLong).view({2, 2});
  const at::NoGradGuard guard;
  const at::Tensor each = network.forward(images, rows).back().class_logits;
  const at::Tensor joined = network.forward(images, {rows, names}).back().class_logits;
  ASSERT_EQ(joined.sizes(), at::IntArrayRef({2, config.queries, 3}));
  EXPECT_TRUE(joined.select(2, 0).equal(each.select(2, 1)));
  EXPECT_TRUE(joined.select(2, 1).equal(at::maximum(each.select(2, 0), each.select(2, 2))));
  EXPECT_TRUE(joined.select(2, 2).equal(each.select(2, 3))) << "no object";
}

}  // namespace
}  // namespace san
