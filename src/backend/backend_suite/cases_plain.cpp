#include <array>
#include <utility>

#include "backend/backend_suite/cases.h"

namespace san::suite {
namespace {

void add_layout_cases(std::vector<Case>& cases) {
  cases.push_back({"reshape", "join_and_split", [](Inputs& in) {
                     const Tensor x = in.normal({2, 15, 14});
                     return std::vector{in.b.reshape(x, {30, 14}), in.b.reshape(x, {2, 15, 2, 7}),
                                        in.b.reshape(x, {2, 3, 5, 14}), in.b.reshape(x, {4, 105})};
                   }});
  for (const std::vector<int>& axes :
       {std::vector{0, 2, 1, 3}, {3, 2, 1, 0}, {0, 1, 3, 2}, {2, 0, 3, 1}, {0, 1, 2, 3}})
    cases.push_back({"permute",
                     std::to_string(axes[0]) + std::to_string(axes[1]) + std::to_string(axes[2]) +
                         std::to_string(axes[3]),
                     [axes](Inputs& in) {
                       const Tensor x = in.normal({2, 3, 17, 5});
                       const Tensor y = in.b.permute(x, axes);
                       return std::vector{y, in.b.reshape(y, {y[0] * y[1], y[2] * y[3]}), in.b.add(y, y)};
                     }});
  cases.push_back({"broadcast", "each_axis", [](Inputs& in) {
                     return std::vector{in.b.broadcast(in.normal({1, 3, 5}), {4, 3, 5}),
                                        in.b.broadcast(in.normal({2, 1, 5}), {2, 7, 5}),
                                        in.b.broadcast(in.normal({2, 3, 1}), {2, 3, 9}),
                                        in.b.broadcast(in.normal({5}), {2, 3, 5})};
                   }});
  for (const int axis : {0, 1, 2, -1})
    cases.push_back(
        {"concat", "axis_" + std::string(axis < 0 ? "last" : std::to_string(axis)), [axis](Inputs& in) {
           Shape a{2, 3, 5}, b = a, c = a;
           b.set(axis, 1), c.set(axis, 17);
           return std::vector{in.b.concat({in.normal(a), in.normal(b), in.normal(c)}, axis),
                              in.b.concat({in.normal(a)}, axis)};
         }});
  cases.push_back({"slice", "each_axis", [](Inputs& in) {
                     const Tensor x = in.normal({3, 9, 13});
                     return std::vector{in.b.slice(x, 0, 1, 3), in.b.slice(x, 1, 2, 9),
                                        in.b.slice(x, -1, 5, 6), in.b.slice(in.b.slice(x, 1, 1, 5), 2, 3, 13),
                                        in.b.slice(x, 1, 4, 4)};
                   }});
  cases.push_back({"slice", "of_fused_then_heads", [](Inputs& in) {
                     const Tensor x = in.normal({2, 7, 36});
                     const Tensor k = in.b.reshape(in.b.slice(x, -1, 12, 24), {2, 7, 3, 4});
                     return std::vector{in.b.permute(k, {0, 2, 1, 3})};
                   }});
  cases.push_back({"filled", "written_in_place", [](Inputs& in) {
                     return std::vector{in.b.from_host({2, 5, 7}, [](std::span<float> values) {
                       for (std::size_t i = 0; i < values.size(); ++i)
                         values[i] = static_cast<float>(i * 37 % 11);
                     })};
                   }});
  cases.push_back({"prepare_tensor", "as_another_shape", [](Inputs& in) {
                     const Param p = in.param({6, 5}, 1);
                     return std::vector{in.b.prepare_tensor(p, {1, 6, 5}), in.b.prepare_tensor(p, {30})};
                   }});
}

void add_arithmetic_cases(std::vector<Case>& cases) {
  const std::vector<std::pair<Shape, Shape>> pairs = {{{2, 7, 33}, {2, 7, 33}},
                                                      {{2, 7, 33}, {1, 7, 33}},
                                                      {{2, 7, 33}, {33}},
                                                      {{2, 7, 33}, {2, 7, 1}},
                                                      {{7, 1}, {1, 33}},
                                                      {{2, 3, 5, 19}, {1}},
                                                      {{2, 1, 5, 19}, {1, 3, 1, 19}},
                                                      {{1}, {1}},
                                                      {{3, 1000}, {3, 1000}},
                                                      {{1, 3, 4, 1}, {2, 1, 4, 6}}};
  for (const auto& [a, b] : pairs) {
    const std::string label = a.str() + b.str();
    cases.push_back({"add", label, [a = a, b = b](Inputs& in) {
                       const Tensor x = in.normal(a), y = in.normal(b);
                       return std::vector{in.b.add(x, y), in.b.add(y, x)};
                     }});
    cases.push_back({"mul", label, [a = a, b = b](Inputs& in) {
                       const Tensor x = in.normal(a), y = in.normal(b);
                       return std::vector{in.b.mul(x, y), in.b.mul(y, x)};
                     }});
  }
  constexpr std::array<std::pair<Activation, const char*>, 5> kinds{{{Activation::kRelu, "relu"},
                                                                     {Activation::kGelu, "gelu"},
                                                                     {Activation::kQuickGelu, "quick_gelu"},
                                                                     {Activation::kSigmoid, "sigmoid"},
                                                                     {Activation::kExp, "exp"}}};
  for (const auto& [kind, name] : kinds)
    cases.push_back({"activate", name, [kind = kind](Inputs& in) {
                       return std::vector{
                           in.b.activate(in.normal({2, 7, 33}), kind),
                           in.b.activate(in.normal({3, 401}, kind == Activation::kExp ? 2 : 8), kind),
                           in.b.activate(in.normal({1}), kind)};
                     }});
  cases.push_back({"activate", "inverse_norm", [](Inputs& in) {
                     const Tensor x = in.normal({5, 33});
                     const Tensor zero = in.scalar(0);
                     return std::vector{
                         in.b.activate(in.b.add(in.b.mul(x, x), in.scalar(0.5f)), Activation::kInverseNorm),
                         in.b.activate(zero, Activation::kInverseNorm)};
                   }});
  for (const std::int64_t n : {1, 2, 15, 16, 17, 100, 401, 1701})
    cases.push_back(
        {"softmax", std::to_string(n), [n](Inputs& in) {
           return std::vector{in.b.softmax(in.normal({2, 5, n})), in.b.softmax(in.normal({3, n}, 12))};
         }});
}

void add_matmul_cases(std::vector<Case>& cases) {
  const std::vector<std::pair<Shape, Shape>> pairs = {{{7, 5}, {5, 3}},
                                                      {{1, 64}, {64, 1}},
                                                      {{2, 3, 17, 40}, {2, 3, 40, 33}},
                                                      {{1, 100, 256}, {1, 256, 400}},
                                                      {{2, 1, 9, 16}, {1, 3, 16, 21}},
                                                      {{4, 9, 16}, {16, 5}},
                                                      {{2, 6, 31, 401}, {2, 6, 401, 64}},
                                                      {{3, 1, 1}, {3, 1, 1}},
                                                      {{100, 512}, {512, 171}}};
  for (const auto& [a, b] : pairs)
    cases.push_back({"matmul", a.str() + b.str(), [a = a, b = b](Inputs& in) {
                       Shape t = b;
                       t.set(-1, b[-2]), t.set(-2, b[-1]);
                       const Tensor x = in.normal(a);
                       return std::vector{in.b.matmul(x, in.normal(b)), in.b.matmul(x, in.normal(t), true)};
                     }});
  cases.push_back({"matmul", "of_permuted_operands", [](Inputs& in) {
                     const Tensor q = in.b.permute(in.normal({2, 9, 3, 20}), {0, 2, 1, 3});
                     const Tensor k = in.b.permute(in.normal({2, 11, 3, 20}), {0, 2, 1, 3});
                     const Tensor kt = in.b.permute(k, {0, 1, 3, 2});
                     return std::vector{
                         in.b.matmul(q, k, true), in.b.matmul(q, kt),
                         in.b.matmul(in.b.broadcast(in.normal({1, 1, 5, 20}), {2, 3, 5, 20}), kt)};
                   }});
}

}  // namespace

void add_plain_cases(std::vector<Case>& cases) {
  add_layout_cases(cases);
  add_arithmetic_cases(cases);
  add_matmul_cases(cases);
}

}  // namespace san::suite
