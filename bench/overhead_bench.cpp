// What an op costs besides its arithmetic: the tiny network, whose ops are too small to hide it, on one
// thread. Compare two builds side by side: `overhead_bench --benchmark_repetitions=9` in turns.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "backend/native/native_backend.h"
#include "model/initial_parameters.h"
#include "model/san.h"

namespace {
std::atomic<std::int64_t> allocations = 0;
}  // namespace

// Not inlined: GCC 12 would see malloc's memory freed by delete, and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace san {
namespace {

void tiny_network(benchmark::State& state) {
  const SanConfig config = SanConfig::tiny();
  const InitialParameters source(config, 1);
  const auto b = make_native_backend({1});
  ParamLoader loader(*b, source);
  const San network(loader, config);
  const Grid size{64, 64};
  const Tensor x = b->from_host({1, size.tokens(), 3},
                                std::vector<float>(static_cast<std::size_t>(size.tokens() * 3), 0.5f));
  double ops = 0;
  b->observe([&](const OpRecord&) { ++ops; });
  network.forward(*b, x, size);
  b->observe({});
  const std::int64_t before = allocations;
  for (auto _ : state) benchmark::DoNotOptimize(network.forward(*b, x, size));
  const double forwards = static_cast<double>(state.iterations());
  state.counters["ops"] = ops;
  state.counters["allocations/op"] = static_cast<double>(allocations - before) / forwards / ops;
  state.counters["time/op"] =
      benchmark::Counter(forwards * ops, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(tiny_network);

void shape_access(benchmark::State& state) {
  const Shape shape{1, 1701, 240};
  for (auto _ : state) {
    for (int axis = -3; axis < 3; ++axis) benchmark::DoNotOptimize(shape[axis]);
  }
}
BENCHMARK(shape_access);

void scope(benchmark::State& state) {
  const auto b = make_native_backend({1});
  for (auto _ : state) {
    const Backend::Scope outer(*b, "side_adapter_network"), inner(*b, "blocks");
    benchmark::ClobberMemory();
  }
}
BENCHMARK(scope);

}  // namespace
}  // namespace san
