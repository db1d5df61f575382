// The ops of ViT-B/16 at 640² one by one, by processor time on one thread: steady on a busy machine.
#include <benchmark/benchmark.h>

#include <cmath>

#include "backend/native/native_backend.h"

namespace san {
namespace {

/// What layers and attention are computed in: an argument of the benchmarks.
enum Precision : std::int64_t { kFloat32, kBf16, kInt8 };

struct Setup {
  explicit Setup(std::int64_t precision = kFloat32) {
    const auto all = [](std::string_view) { return true; };
    NativeOptions options{1};
    if (precision == kInt8) options.int8 = all;
    if (precision == kBf16) options.bf16 = all;
    b = make_native_backend(options);
  }

  std::unique_ptr<Backend> b;

  std::vector<float> values(std::int64_t count, float scale = 1) const {
    std::vector<float> out(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = scale * (static_cast<float>(i * 2654435761u >> 20 & 1023) / 512.0f - 1.0f);
    return out;
  }
  Tensor tensor(const Shape& shape) const { return b->from_host(shape, values(shape.elements())); }
  LinearWeight linear(std::int64_t in, std::int64_t out) const {
    const float scale = 1 / std::sqrt(static_cast<float>(in));
    const Param w{"w", HostArray::from({out, in}, values(in * out, scale))};
    const Param bias{"b", HostArray::from({out}, values(out))};
    return b->prepare_linear(w, &bias);
  }
};

void report(benchmark::State& state, std::int64_t macs) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(macs), benchmark::Counter::kIsIterationInvariantRate);
}

void linear(benchmark::State& state) {
  const std::int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  const Setup s(state.range(3));
  const Tensor x = s.tensor({1, rows, in});
  const LinearWeight w = s.linear(in, out);
  for (auto _ : state) benchmark::DoNotOptimize(s.b->linear(x, w));
  report(state, rows * in * out);
}
BENCHMARK(linear)->ArgNames({"rows", "in", "out", "precision"})->Apply([](auto* b) {
  for (const std::int64_t precision : {kFloat32, kBf16, kInt8})
    b->Args({401, 768, 2304, precision})
        ->Args({401, 768, 768, precision})
        ->Args({1700, 240, 720, precision})
        ->Args({1700, 240, 240, precision});
});

void mlp(benchmark::State& state) {
  const std::int64_t rows = state.range(0), width = state.range(1);
  const Setup s(state.range(2));
  const Tensor x = s.tensor({1, rows, width});
  const LinearWeight fc1 = s.linear(width, 4 * width), fc2 = s.linear(4 * width, width);
  for (auto _ : state) benchmark::DoNotOptimize(s.b->mlp(x, fc1, Activation::kGelu, fc2, x));
  report(state, 8 * rows * width * width);
}
BENCHMARK(mlp)->ArgNames({"rows", "width", "precision"})->Apply([](auto* b) {
  for (const std::int64_t precision : {kFloat32, kBf16, kInt8})
    b->Args({401, 768, precision})->Args({1700, 240, precision});
});

void attention(benchmark::State& state) {
  const Setup s(state.range(3));
  const std::int64_t tokens = state.range(0), heads = state.range(1), d = heads * state.range(2);
  const Tensor x = s.tensor({1, tokens, 3 * d});
  const Tensor q = s.b->slice(x, -1, 0, d), k = s.b->slice(x, -1, d, 2 * d),
               v = s.b->slice(x, -1, 2 * d, 3 * d);
  AttentionOptions options;
  options.heads = static_cast<int>(heads);
  for (auto _ : state) benchmark::DoNotOptimize(s.b->attention(q, k, v, options));
  report(state, 2 * tokens * tokens * d);
}
BENCHMARK(attention)
    ->ArgNames({"tokens", "heads", "width", "precision"})
    ->Args({1700, 6, 40, kFloat32})
    ->Args({1700, 6, 40, kBf16})
    ->Args({401, 12, 64, kFloat32})
    ->Args({401, 12, 64, kBf16});

void layer_norm(benchmark::State& state) {
  const Setup s;
  const std::int64_t channels = state.range(1);
  const Tensor x = s.tensor({1, state.range(0), channels});
  const Param w{"w", HostArray::from({channels}, s.values(channels))};
  const NormWeight norm = s.b->prepare_layer_norm(w, w, 1e-5f);
  for (auto _ : state) benchmark::DoNotOptimize(s.b->layer_norm(x, norm));
}
BENCHMARK(layer_norm)->ArgNames({"rows", "channels"})->Args({401, 768})->Args({1700, 240});

void resize(benchmark::State& state) {
  const Setup s;
  const Tensor image = s.tensor({1, 640 * 640, 3});
  const ResizeSpec half{{640, 640}, {320, 320}, Interpolation::kBilinear, 0.5};
  for (auto _ : state) benchmark::DoNotOptimize(s.b->resize(image, half));
}
BENCHMARK(resize);

}  // namespace
}  // namespace san
