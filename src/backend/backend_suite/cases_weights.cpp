// Ops on prepared weights.
#include <array>

#include "backend/backend_suite/cases.h"

namespace san::suite {
namespace {

constexpr std::array<std::pair<Activation, const char*>, 6> kActivations{
    {{Activation::kNone, "none"},
     {Activation::kRelu, "relu"},
     {Activation::kGelu, "gelu"},
     {Activation::kQuickGelu, "quick_gelu"},
     {Activation::kSigmoid, "sigmoid"},
     {Activation::kExp, "exp"}}};

void add_linear_cases(std::vector<Case>& cases) {
  for (const auto& [kind, name] : kActivations)
    for (const bool bias : {false, true})
      for (const bool residual : {false, true})
        cases.push_back({"linear", std::string(name) + (bias ? "_bias" : "") + (residual ? "_residual" : ""),
                         [=, kind = kind](Inputs& in) {
                           const LinearWeight w = in.linear(40, 52, bias);
                           LinearOptions options{kind, {}};
                           if (residual) options.residual = in.normal({2, 9, 52});
                           return std::vector{in.b.linear(in.normal({2, 9, 40}), w, options)};
                         }});
  struct Size {
    std::int64_t batch, rows, in, out;
  };
  const std::vector<Size> sizes = {{1, 1, 1, 1},       {1, 1, 768, 512},   {3, 1, 17, 5},
                                   {1, 401, 96, 288},  {2, 100, 240, 240}, {1, 1700, 24, 72},
                                   {1, 130, 3072, 40}, {2, 37, 100, 3000}, {1, 0, 8, 8}};
  for (const Size& s : sizes)
    cases.push_back({"linear",
                     std::to_string(s.batch) + "x" + std::to_string(s.rows) + "_" + std::to_string(s.in) +
                         "_" + std::to_string(s.out),
                     [s](Inputs& in) {
                       const LinearWeight w = in.linear(s.in, s.out);
                       const Tensor residual = in.normal({s.batch, s.rows, s.out});
                       return std::vector{
                           in.b.linear(in.normal({s.batch, s.rows, s.in}), w),
                           in.b.linear(in.normal({s.batch, s.rows, s.in}), w, {Activation::kGelu, residual})};
                     }});
  cases.push_back({"linear", "one_weight_several_row_counts", [](Inputs& in) {
                     const LinearWeight w = in.linear(48, 80);
                     std::vector<Tensor> results;
                     for (const std::int64_t rows : {1, 2, 16, 33, 257})
                       results.push_back(in.b.linear(in.normal({rows, 48}), w));
                     return results;
                   }});
  cases.push_back({"linear", "in_out_layout", [](Inputs& in) {
                     const LinearWeight w = in.linear(33, 70, true, LinearLayout::kInOut);
                     return std::vector{in.b.linear(in.normal({2, 3, 5, 33}), w)};
                   }});
  cases.push_back({"linear", "rows_of_a_fused_weight", [](Inputs& in) {
                     Param fused = in.param({30, 20}, 0.3f), bias = in.param({30}, 1);
                     fused.row_begin = bias.row_begin = 10;
                     fused.row_end = bias.row_end = 27;
                     return std::vector{in.b.linear(in.normal({4, 20}), in.b.prepare_linear(fused, &bias))};
                   }});
  cases.push_back({"linear", "convolution_1x1_weight", [](Inputs& in) {
                     const Param w = in.param({12, 20, 1, 1}, 0.3f);
                     return std::vector{in.b.linear(in.normal({1, 9, 20}), in.b.prepare_linear(w, nullptr))};
                   }});
  cases.push_back({"linear", "half_precision_weight", [](Inputs& in) {
                     Param w = in.param({12, 20}, 0.3f);
                     w.value = w.value.cast(DType::kF16);
                     return std::vector{in.b.linear(in.normal({9, 20}), in.b.prepare_linear(w, nullptr))};
                   }});
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16})
    cases.push_back({"linear", "weight_read_by_rows_" + std::string(dtype_name(dtype)), [dtype](Inputs& in) {
                       Param w = in.param({130, 40}, 0.2f), bias = in.param({130}, 1);
                       w.value = w.value.cast(dtype);
                       Param part = w;
                       part.name += ".part";
                       part.row_begin = bias.row_begin = 9;
                       part.row_end = bias.row_end = 122;
                       const Tensor x = in.normal({7, 40});
                       return std::vector{in.b.linear(x, in.b.prepare_linear(Inputs::unread(w), nullptr)),
                                          in.b.linear(x, in.b.prepare_linear(Inputs::unread(part), &bias))};
                     }});
  cases.push_back({"linear", "in_out_weight_read_by_rows", [](Inputs& in) {
                     const Param w = Inputs::unread(in.param({33, 70}, 0.2f));
                     return std::vector{in.b.linear(in.normal({5, 33}),
                                                    in.b.prepare_linear(w, nullptr, LinearLayout::kInOut))};
                   }});
}

}  // namespace

void add_weight_cases(std::vector<Case>& cases) {
  add_linear_cases(cases);
  for (const std::int64_t channels : {1, 15, 16, 17, 240, 768, 1025})
    cases.push_back(
        {"layer_norm", std::to_string(channels), [channels](Inputs& in) {
           const NormWeight w = in.norm(channels, 1e-5f);
           const Tensor x = in.normal({2, 7, channels}, 3);
           const Tensor far = in.b.add(x, in.scalar(20.0f));
           return std::vector{in.b.layer_norm(x, w), in.b.layer_norm(far, in.norm(channels, 1e-2f))};
         }});
  cases.push_back({"embedding", "rows", [](Inputs& in) {
                     const TableWeight t = in.b.prepare_table(in.param({50, 21}, 1));
                     return std::vector{in.b.embedding(t, in.integers({3, 7}, 50))};
                   }});
  cases.push_back({"embedding", "rows_read", [](Inputs& in) {
                     const TableWeight t = in.b.prepare_table(Inputs::unread(in.param({50, 21}, 1)));
                     return std::vector{in.b.embedding(t, in.integers({3, 7}, 50))};
                   }});
}

}  // namespace san::suite
