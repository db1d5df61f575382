#include "backend/backend_suite/suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backend/backend_suite/cases.h"
#include "backend/reference/reference_backend.h"

namespace san::suite {

const std::vector<Tolerance>& tolerances() {
  // One float32 rounding is 6e-8. Values are compared relative to the rms of the tensor.
  static const std::vector<Tolerance> table = {
      {"add", 4e-7, "one rounding; the largest value is about 4 rms"},
      {"mul", 2e-6, "one rounding of products of two normals, up to 16 rms"},
      {"activate", 4e-6, "exp and erf to a few roundings; exponentials reach 50 rms"},
      {"softmax", 2e-5, "exponents up to 50 carry their rounding into the result; peaks are 50 rms"},
      {"matmul", 6e-6, "sums of up to 512 products in another order: a random walk of roundings"},
      {"resize", 2e-6, "16 taps in another order"},
      {"linear", 2e-5, "sums of up to 3,072 products in another order; exponentials reach 20 rms"},
      {"layer_norm", 4e-5, "without vectors, sums of 1,000 values in one chain around a mean of 20"},
      {"patch_embed", 2e-5, "as linear"},
      {"attention", 6e-5,
       "scores up to 30 carry the rounding of their sums into exponentials; peaks are 10 rms"},
      {"tree_attention", 6e-5, "as attention"},
      {"mlp", 1e-5, "two matmuls and an activation"},
      {"add_layer_norm", 4e-6, "mean and variance in another order, reciprocal square root"},
      {"l2_normalize", 2e-6, "a sum of squares in another order"},
      {"attention_bias", 2e-5, "the folded form adds 256 × 256 products in another order"},
      {"pooled_attention_bias", 2e-5, "as attention_bias"},
  };
  return table;
}

double tolerance(const std::string& op, const std::vector<Tolerance>& own) {
  for (const auto* table : {&own, &tolerances()})
    for (const Tolerance& t : *table)
      if (op == t.op) return t.limit;
  return 0;
}

Tensor Inputs::normal(const Shape& shape, float deviation) {
  if (!views_ || shape.rank() < 2) return b.from_host(shape, draw(shape.elements(), deviation));
  Shape larger = shape;
  larger.set(-1, shape[-1] + 3);
  larger.set(-2, shape[-2] + 2);
  const Tensor x = b.from_host(larger, draw(larger.elements(), deviation));
  return b.slice(b.slice(x, -1, 1, 1 + shape[-1]), -2, 1, 1 + shape[-2]);
}

Tensor Inputs::scalar(float value) {
  return b.from_host({1}, std::span(&value, 1));
}

Tensor Inputs::integers(const Shape& shape, int limit) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(shape.elements()));
  for (auto& id : ids) id = static_cast<std::int32_t>(rng_() % static_cast<std::uint32_t>(limit));
  return b.from_ids(shape, ids);
}

Param Inputs::param(const Shape& shape, float deviation) {
  // A name of its own: to a backend that trains, equal names are one parameter.
  return {"suite.weight." + std::to_string(params_++),
          HostArray::from(shape, draw(shape.elements(), deviation))};
}

Param Inputs::unread(const Param& param) {
  Param p = param;
  p.value.data = nullptr;
  p.read = [all = param.value, row = param.row_bytes()](std::int64_t begin, std::int64_t end, std::byte* to) {
    std::copy_n(all.data.get() + begin * row, (end - begin) * row, to);
  };
  return p;
}

LinearWeight Inputs::linear(std::int64_t in, std::int64_t out, bool bias, LinearLayout layout) {
  const float deviation = 1 / std::sqrt(static_cast<float>(in));
  const Param w = param(layout == LinearLayout::kOutIn ? Shape{out, in} : Shape{in, out}, deviation);
  const Param c = param({out}, 0.5f);
  return b.prepare_linear(w, bias ? &c : nullptr, layout);
}

GroupedLinearWeight Inputs::grouped(std::int64_t in, std::int64_t out, int groups, bool bias) {
  const Param w = param({out, in}, 1 / std::sqrt(static_cast<float>(in))), c = param({out}, 0.5f);
  return b.prepare_grouped_linear(w, bias ? &c : nullptr, groups);
}

NormWeight Inputs::norm(std::int64_t channels, float eps) {
  const Param w = param({channels}, 1), c = param({channels}, 1);
  return b.prepare_layer_norm(w, c, eps);
}

PatchWeight Inputs::patch(std::int64_t patch, std::int64_t in, std::int64_t out, bool bias) {
  const Param w = param({out, in, patch, patch}, 1 / std::sqrt(static_cast<float>(in * patch * patch)));
  const Param c = param({out}, 0.5f);
  return b.prepare_patch_embed(w, bias ? &c : nullptr);
}

std::vector<float> Inputs::draw(std::int64_t count, float deviation) {
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(rng_);
  return values;
}

namespace {

struct Result {
  Shape shape;
  std::vector<float> values;
};

std::vector<Result> run(const Case& c, Backend& backend, bool views) {
  const auto seed = static_cast<std::uint32_t>(std::hash<std::string>{}(c.op + c.label));
  Inputs inputs(backend, seed, views);
  std::vector<Result> results;
  for (const Tensor& t : c.run(inputs)) results.push_back({t.shape(), backend.to_host(t)});
  return results;
}

void expect_close(const Result& expected, const Result& actual, double limit) {
  ASSERT_EQ(expected.shape.str(), actual.shape.str());
  ASSERT_EQ(expected.values.size(), actual.values.size());
  double squares = 0, worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double e = expected.values[i], a = actual.values[i];
    ASSERT_TRUE(std::isfinite(e)) << "the reference is not finite at " << i;
    ASSERT_TRUE(std::isfinite(a)) << "not finite at " << i << ", expected " << e;
    squares += e * e;
    if (std::abs(e - a) > worst) worst = std::abs(e - a), at = i;
  }
  const double rms = std::sqrt(squares / std::max<double>(1, static_cast<double>(expected.values.size())));
  EXPECT_LE(worst, limit * rms) << "relative error " << worst / rms << " at " << at << " of "
                                << expected.shape.str() << ": expected " << expected.values[at] << ", got "
                                << actual.values[at];
}

class SuiteTest : public testing::Test {
 public:
  SuiteTest(const Case& c, BackendFactory factory, double limit, bool views)
      : case_(c), factory_(std::move(factory)), limit_(limit), views_(views) {}

  void TestBody() override {
    const auto reference = make_reference_backend(), backend = factory_();
    const std::vector<Result> expected = run(case_, *reference, views_);
    const std::vector<Result> actual = run(case_, *backend, views_);
    ASSERT_EQ(expected.size(), actual.size());
    for (std::size_t i = 0; i < expected.size(); ++i) expect_close(expected[i], actual[i], limit_);
  }

 private:
  const Case& case_;
  BackendFactory factory_;
  double limit_;
  bool views_;
};

const std::vector<Case>& all_cases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all;
    add_plain_cases(all);
    add_map_cases(all);
    add_weight_cases(all);
    add_composite_cases(all);
    return all;
  }();
  return cases;
}

}  // namespace

std::vector<std::string> covered_ops() {
  std::vector<std::string> ops;
  for (const Case& c : all_cases()) ops.push_back(c.op);
  return ops;
}

int register_backend(const std::string& backend, const BackendFactory& factory,
                     const std::vector<Tolerance>& own) {
  for (const Case& c : all_cases())
    for (const bool views : {false, true})
      testing::RegisterTest(backend.c_str(), (c.op + "/" + c.label + (views ? "/views" : "")).c_str(),
                            nullptr, nullptr, __FILE__, __LINE__,
                            [&c, factory, limit = tolerance(c.op, own), views]() -> SuiteTest* {
                              return new SuiteTest(c, factory, limit, views);
                            });
  return static_cast<int>(2 * all_cases().size());
}

}  // namespace san::suite
