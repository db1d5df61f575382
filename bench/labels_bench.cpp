// Labels of 640 × 864 pixels with bounds and without, in turns: what bounds spare where they can, and cost
// where they cannot. Class logits are drawn at random, resemble their neighbours in the list, or are all the
// same.
//
//   labels_bench [threads [rounds [numbers of classes]]]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <numbers>

#include "base/median.h"
#include "base/random.h"
#include "bench/machine.h"
#include "labels/block_scorer.h"

namespace {

using namespace san;
using head::kBlock;

constexpr int kHeight = 640, kWidth = 864, kCell = 16, kQueries = 100;

enum class Classes { kRandom, kFamily, kEqual };

struct Network {
  std::vector<float> class_logits, mask_logits;
  HeadView view;
};

Network network(Classes kind, int classes) {
  Network n;
  const int rows = kHeight / kCell, columns = kWidth / kCell;
  Rng random(1);
  for (int q = 0; q < kQueries; ++q) {
    const float phase = random.uniform();
    for (int k = 0; k <= classes; ++k) {
      const float turn = phase + static_cast<float>(k) / static_cast<float>(classes);
      float logit = 0.0f;
      if (kind == Classes::kRandom) logit = 4.4f * random.normal();
      if (kind == Classes::kFamily) logit = 6.2f * std::sin(2 * std::numbers::pi_v<float> * turn);
      n.class_logits.push_back(logit);
    }
  }
  for (int q = 0; q < kQueries; ++q) {
    const float mean = 4.3f * random.normal() - 8.4f;
    for (int i = 0; i < rows * columns; ++i) n.mask_logits.push_back(4.6f * random.normal() + mean);
  }
  n.view = {n.class_logits, n.mask_logits, kQueries, rows, columns, kHeight, kWidth, kHeight, kWidth};
  return n;
}

/// Every score of every pixel, by the same kernels.
LabelMap without_bounds(const HeadView& view, const HeadOptions& options, ThreadPool& pool) {
  const head::Plan plan(std::span(&view, 1), kHeight, kWidth, options);
  const head::ClassTree tree(std::span(&view, 1), options, false, pool);
  std::vector<int> places, classes;
  for (std::size_t i = 0; i < tree.classes().size(); ++i)
    if (tree.classes()[i] >= 0) places.push_back(static_cast<int>(i)), classes.push_back(tree.classes()[i]);
  LabelMap map(kHeight, kWidth);
  pool.parallel_for(kHeight / head::kBlockSide, 1, [&](std::int64_t begin, std::int64_t end) {
    head::BlockScorer scorer(plan, tree);
    std::vector<float> scores;
    for (auto row = static_cast<int>(begin); row < end; ++row) {
      const Region strip{row * head::kBlockSide, 0, head::kBlockSide, kWidth};
      scorer.look_at(strip);
      head::for_tiles(strip, head::kBlockSide, [&](const Region& block) {
        scorer.sigmas(block);
        float best[kBlock];
        std::int32_t label[kBlock];
        std::fill_n(best, kBlock, -1.0f);
        std::fill_n(label, kBlock, std::numeric_limits<std::int32_t>::max());
        for (std::size_t i = 0; i < places.size(); i += 256) {
          const std::size_t count = std::min<std::size_t>(256, places.size() - i);
          scorer.scores(scorer.leaves(), std::span(places).subspan(i, count), scores);
          head::update_best(scores.data(), &classes[i], static_cast<int>(count), best, label);
        }
        for (int p = 0; p < kBlock; ++p)
          map.row(block.y + p / block.width)[block.x + p % block.width] = static_cast<Label>(label[p]);
      });
    }
  });
  return map;
}

/// Of processor time, of all threads together: what else runs does not count.
template <class Body>
double milliseconds(const Body& body) {
  const std::clock_t start = std::clock();
  body();
  return 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

int main(int argc, char** argv) {
  ThreadPool pool(argc > 1 ? std::atoi(argv[1]) : 0);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  std::vector<int> numbers;
  for (int i = 3; i < argc; ++i) numbers.push_back(std::atoi(argv[i]));
  if (numbers.empty()) numbers = {2, 16, 150, 847, 20'000};
  SegmentationHead head(pool);
  fmt::print(
      "{}, {} threads, {}x{}, {} queries, processor time, median of {} "
      "rounds\n{:<10}{:>9}{:>14}{:>16}{:>8}\n",
      processor_name(), pool.size(), kHeight, kWidth, kQueries, rounds, "classes", "number", "bounds ms",
      "no bounds ms", "ratio");
  for (const auto& [kind, name] :
       {std::pair(Classes::kRandom, "random"), std::pair(Classes::kFamily, "family"),
        std::pair(Classes::kEqual, "equal")})
    for (const int classes : numbers) {
      const Network n = network(kind, classes);
      HeadOptions options;
      options.classes = classes;
      std::vector<double> with, without, ratio;
      SegmentationResult result;
      // Without bounds 20,000 classes take as long as everything else: once is enough.
      for (int i = 0; i < (classes > 1'000 ? 1 : rounds); ++i) {
        with.push_back(
            milliseconds([&] { head.run(std::span(&n.view, 1), kHeight, kWidth, options, result); }));
        LabelMap map;
        without.push_back(milliseconds([&] { map = without_bounds(n.view, options, pool); }));
        ratio.push_back(with.back() / without.back());
        if (map != result.labels) {
          fmt::print("{} {}: the labels differ\n", name, classes);
          return 1;
        }
      }
      fmt::print("{:<10}{:>9}{:>14.1f}{:>16.1f}{:>8.3f}\n", name, classes, median(with), median(without),
                 median(ratio));
      std::fflush(stdout);
    }
}
