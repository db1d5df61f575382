#include "train_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/temporary_folder.h"
#include "base/thread_pool.h"
#include "train/run_plan.h"
#include "train/segmentation_task.h"
#include "train/step_bench.h"
#include "train/step_cost.h"
#include "train/synthetic_source.h"
#ifdef SAN_TRAIN_DATASETS
#include "bench/peak.h"
#include "train/dataset/dataset_source.h"
#include "train/dataset/practice_folder.h"
#endif

namespace san::cli {
namespace {

constexpr int kPictures = 24;
constexpr double kLoaderSeconds = 4;
constexpr std::uint64_t kSeed = 1;

struct Result {
  std::string precision;
  StepTiming timing;
  std::string peak_precision;
  double images_per_s = 0, gflops = 0, peak_gflops = 0, loader_images_per_s = 0;
  std::int64_t memory_bytes = 0, estimated_bytes = 0;  // the latter by `san train` before it starts
  StepCost cost;
};

/// The official recipe's defaults; sizes of the augmentation in proportion to the crop.
Recipe make_recipe(const TrainingBench& o, const std::string& precision,
                   const std::filesystem::path& scratch) {
  constexpr std::int64_t kOfficialCrop = 640;
  std::vector<std::string> set{fmt::format("SOLVER.IMS_PER_BATCH={}", o.batch), "SOLVER.MAX_ITER=1000000",
                               fmt::format("SOLVER.AMP={}", precision),
                               fmt::format("INPUT.CROP_SIZE={}", o.size),
                               fmt::format("DATALOADER.NUM_WORKERS={}", o.workers)};
  if (o.model.starts_with("formula:")) {
    // Random weights know no spelling: a tokenizer of letters will do.
    std::ofstream(scratch / "merges.txt") << "t h\n";
    set.push_back("MODEL.BASE=" + o.model.substr(o.model.find(':') + 1));
    set.push_back(fmt::format("TEXT.BPE='{}'", (scratch / "merges.txt").string()));
    set.push_back("TEXT.TEMPLATES=single");
  } else {
    set.push_back("MODEL.INIT='" + o.model + "'");
  }
  Recipe r = parse_recipe("{}", "the bench's recipe", set);
  for (int& side : r.input.min_size) side = static_cast<int>(side * o.size / kOfficialCrop);
  return r;
}

std::shared_ptr<const SampleSource> make_samples(const TrainingBench& o, const Recipe& recipe,
                                                 const std::filesystem::path& scratch) {
#ifdef SAN_TRAIN_DATASETS
  const DatasetSpec spec = std::filesystem::exists(scratch / "practice/classes.txt")
                               ? load_dataset_spec((scratch / "practice").string())
                               : write_practice_folder(scratch / "practice", kPictures, o.classes);
  const AugmentationOptions augmentation{recipe.input.min_size, recipe.input.max_size, recipe.input.crop,
                                         recipe.input.color_jitter, recipe.input.flip};
  return dataset_samples(open_dataset(spec), augmentation, kSeed);
#else
  (void)scratch;
  std::vector<std::string> names;
  for (int c = 0; c < o.classes; ++c) names.push_back(fmt::format("class {}", c));
  return synthetic_samples(recipe.input.crop, names, kSeed);
#endif
}

double measure_peak(at::Device device, Precision precision, [[maybe_unused]] int threads) {
#ifdef SAN_TRAIN_DATASETS
  if (device.is_cpu()) return measure_matmul_peak(threads).best;
#endif
  return torch_matmul_peak_gflops(device, precision);
}

Result measure(const TrainingBench& o, const std::string& precision, const std::filesystem::path& scratch,
               const std::atomic<bool>& interrupted) {
  const Recipe recipe = make_recipe(o, precision, scratch);
  TorchOptions torch;
  torch.device = o.device, torch.precision = recipe.precision, torch.training = true,
  torch.threads = o.threads;
  SegmentationTask task(recipe, make_samples(o, recipe, scratch), nullptr, torch);
  const at::Device device = task.backend().device();
  Result r;
  r.precision = precision;
  r.peak_precision = device.is_cpu() ? "fp32" : precision;
  // The peak before and after: a shared machine drifts, and the better of them is what the machine can do.
  r.peak_gflops = measure_peak(device, recipe.precision, o.threads);
  reset_peak_memory(device);
  r.timing = time_steps(task, recipe.run, recipe.optimizer, o.repeat, interrupted);
  r.memory_bytes = peak_memory_bytes(device);
  r.peak_gflops = std::max(r.peak_gflops, measure_peak(device, recipe.precision, o.threads));
  r.loader_images_per_s = loader_images_per_s(task, recipe.data.ahead, kLoaderSeconds, interrupted);
  r.cost =
      step_cost(task.config(), trainable_rule(recipe.model.trainable), {o.size, o.size}, o.batch, o.classes);
  r.estimated_bytes =
      training_bytes(recipe, task.config(), static_cast<int>(o.size), o.classes, recipe.batch);
  r.images_per_s = 1e3 * o.batch / r.timing.total_ms;
  r.gflops = 2e-6 * static_cast<double>(r.cost.total()) / r.timing.total_ms;
  return r;
}

nlohmann::ordered_json as_json(const Result& r) {
  const StepTiming& t = r.timing;
  nlohmann::ordered_json out{{"precision", r.precision},     {"steps", t.steps},
                             {"data_ms", t.data_ms},         {"forward_ms", t.forward_ms},
                             {"backward_ms", t.backward_ms}, {"optimizer_ms", t.optimizer_ms},
                             {"step_ms", t.total_ms},        {"min_ms", t.fastest_ms},
                             {"max_ms", t.slowest_ms},       {"images_per_s", r.images_per_s}};
  out["macs"] = {{"forward", r.cost.forward},
                 {"backward_inputs", r.cost.backward_inputs},
                 {"backward_weights", r.cost.backward_weights},
                 {"step", r.cost.total()}};
  out["gflops"] = r.gflops;
  out["peak_gflops"] = r.peak_gflops;
  out["peak_precision"] = r.peak_precision;
  out["share_of_peak"] = r.gflops / r.peak_gflops;
  out["peak_memory_bytes"] = r.memory_bytes > 0 ? nlohmann::ordered_json(r.memory_bytes) : nullptr;
  out["estimated_memory_bytes"] = r.estimated_bytes;
  out["loader_images_per_s"] = r.loader_images_per_s;
  out["loader_to_step"] = r.loader_images_per_s / r.images_per_s;
  return out;
}

void print(const Result& r) {
  const auto giga = [](std::int64_t n) { return static_cast<double>(n) / 1e9; };
  const StepTiming& t = r.timing;
  fmt::print("\n{}\n", r.precision);
  fmt::print(
      "  step               {:.1f} ms, median of {} (fastest {:.1f}, slowest {:.1f}): {:.2f} images/s\n",
      t.total_ms, t.steps, t.fastest_ms, t.slowest_ms, r.images_per_s);
  for (const auto& [name, ms] : {std::pair{"waiting for data", t.data_ms},
                                 {"forward and loss", t.forward_ms},
                                 {"backward", t.backward_ms},
                                 {"optimiser", t.optimizer_ms}})
    fmt::print("  {:<18} {:>9.1f} ms {:>5.1f} %\n", name, ms, 100 * ms / t.total_ms);
  fmt::print("  multiply-adds      {:.1f} G: forward {:.1f}, gradients of inputs {:.1f}, of weights {:.1f}\n",
             giga(r.cost.total()), giga(r.cost.forward), giga(r.cost.backward_inputs),
             giga(r.cost.backward_weights));
  fmt::print("  achieved           {:.0f} GFLOP/s, {:.1f} % of the {} matmul peak here ({:.0f}, same run)\n",
             r.gflops, 100 * r.gflops / r.peak_gflops, r.peak_precision, r.peak_gflops);
  if (r.memory_bytes > 0)
    fmt::print("  peak memory        {:.0f} MB; san train would expect {:.0f} MB\n",
               static_cast<double>(r.memory_bytes) / 1e6, static_cast<double>(r.estimated_bytes) / 1e6);
  fmt::print("  the loader alone   {:.1f} images/s, {:.1f} × what the step takes\n", r.loader_images_per_s,
             r.loader_images_per_s / r.images_per_s);
}

}  // namespace

void run_training_bench(const TrainingBench& o, const std::atomic<bool>& interrupted) {
  const TemporaryFolder scratch;
  std::vector<Result> results;
  const bool all = o.precision == "all";
  for (const std::string& precision :
       all ? std::vector<std::string>{"fp32", "bf16", "fp16"} : std::vector{o.precision}) {
    if (interrupted) break;
    try {
      results.push_back(measure(o, precision, scratch.path(), interrupted));
    } catch (const Error& e) {
      // What this device cannot multiply is left out of "all".
      if (!all || precision == "fp32") throw;
      log::warn("{}: {}", precision, e.what());
    }
  }
  const bool random = o.model.starts_with("formula:");
  const int workers = o.workers > 0 ? o.workers : std::max(1, available_processors() - 1);
  const int threads = o.threads > 0 ? o.threads : available_processors();
#ifdef SAN_TRAIN_DATASETS
  const std::string data =
      fmt::format("{} JPEG pictures of 640×480 and label PNGs, official augmentation", kPictures);
#else
  const std::string data = "synthetic pictures, nothing decoded";
#endif
  if (o.json) {
    nlohmann::ordered_json out{{"model", o.model},
                               {"random_weights", random},
                               {"device", o.device},
                               {"torch", torch_description()},
                               {"size", o.size},
                               {"batch", o.batch},
                               {"classes", o.classes},
                               {"threads", threads},
                               {"loader_workers", workers},
                               {"data", data}};
    for (const Result& r : results) out["results"].push_back(as_json(r));
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("{}{}, training step at {}×{}, batch {}, {} classes, {}, {}, {} threads\n", o.model,
             random ? " (random weights)" : "", o.size, o.size, o.batch, o.classes, o.device,
             torch_description(), threads);
  fmt::print("data: {}, {} loader threads\n", data, workers);
  for (const Result& r : results) print(r);
}

}  // namespace san::cli
