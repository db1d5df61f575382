#include "bench/onednn/onednn_peak.h"

#include <algorithm>
#include <chrono>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/median.h"
#include "base/thread_pool.h"

// oneDNN sizes its loops by OpenMP's setting of the calling thread; <omp.h> is not there for every compiler.
extern "C" void omp_set_num_threads(int);

namespace san {
namespace {

constexpr dnnl::memory::dim kSize = 2048;
constexpr int kRepeats = 12;

std::vector<double> times_of_products(int threads) {
  omp_set_num_threads(threads);
  using Type = dnnl::memory::data_type;
  using Tag = dnnl::memory::format_tag;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const dnnl::memory::dims shape{kSize, kSize};
  const dnnl::memory::desc plain(shape, Type::f32, Tag::ab), packed(shape, Type::f32, Tag::any);
  const dnnl::matmul::primitive_desc description({plain, packed, plain}, engine);
  const dnnl::matmul product(description);
  dnnl::memory a(plain, engine), b(description.weights_desc(), engine), c(plain, engine);
  for (const dnnl::memory& m : {a, b})
    std::fill_n(static_cast<float*>(m.get_data_handle()), m.get_desc().get_size() / sizeof(float), 0.5f);
  std::vector<double> seconds;
  for (int i = 0; i < kRepeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    product.execute(stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
    stream.wait();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return seconds;
}

}  // namespace

MatmulPeak onednn_matmul_peak(int threads) {
  if (threads <= 0) threads = available_processors();
  std::vector<double> seconds;
  std::string failure;
  // On a thread of its own: the caller keeps its OpenMP setting.
  std::thread measure([&] {
    try {
      seconds = times_of_products(threads);
    } catch (const dnnl::error& e) {
      failure = e.what();
    }
  });
  measure.join();
  require(failure.empty(), "measuring the matmul peak: oneDNN failed: {}", failure);
  constexpr double kGflop = 2e-9 * kSize * kSize * kSize;
  return {kGflop / *std::ranges::min_element(seconds), kGflop / median(seconds)};
}

}  // namespace san
