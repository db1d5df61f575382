#pragma once
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "bank/bank.h"
#include "data/dataset.h"
#include "engine/engine.h"

namespace san::cli {

/// Which pictures and concepts make up the demo world.
struct DemoWorldArguments {
  std::filesystem::path world = "world", concepts = "configs/world/measured.tsv";
};

struct DemoWorldData {
  DatasetSpec spec;
  std::vector<int> seen, unseen;  ///< classes the side adapter had masks of in training, and those it had not
};

/// The fixed 500 scenes of an evaluation split ("mixed", "seen", "unseen", "style", "near-style", "photo") as
/// a dataset folder under `cache`, rendered the first time, of which nothing is left when it is cut short.
/// Throws Error, and Cancelled when `interrupted`.
DemoWorldData demo_world_dataset(const DemoWorldArguments& arguments, const std::string& split,
                                 const std::filesystem::path& cache, int threads, bool quiet,
                                 const std::atomic<bool>& interrupted);

/// A bank for --bank demo-world:N: scenes of the split made for it, of the same drawings and grounds in other
/// places than in the 500 that measure, until each class was shown in `per_class` of them or no more can be.
/// Of a class that has enough, a scene gives nothing. Kept under `cache`. Throws as demo_world_dataset().
ExampleBank demo_world_bank(const DemoWorldArguments& arguments, const std::string& split, int per_class,
                            const std::shared_ptr<const Engine>& engine,
                            const std::shared_ptr<const TextEmbeddings>& words,
                            const std::filesystem::path& cache, int threads, bool quiet,
                            const std::atomic<bool>& interrupted);

}  // namespace san::cli
