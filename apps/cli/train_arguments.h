#pragma once
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "base/log.h"
#include "train/communicator.h"
#include "train/fine_tuning.h"
#include "train/recipe.h"
#ifdef SAN_TRAIN_DATASETS
#include "sample_sheet.h"
#endif

namespace san::cli {

/// What `train` and `pretrain` share.
struct TrainArguments {
  std::string config, device = "auto", out, init;
  std::vector<std::string> overrides;
  double max_minutes = 0;
  int threads = 0;
  bool resume = false, quiet = false, quick = false;

  void add_to(CLI::App& command) {
    command.add_option("--out", out, "Folder of checkpoint, metrics, models and report")->required();
    command.add_option("--set", overrides,
                       "Replace a value of the recipe: KEY=VALUE, such as SOLVER.BASE_LR=1e-3");
    command.add_option("--init", init,
                       "Model file to start from, or the name of a fetched model (MODEL.INIT)");
    command.add_option("--device", device, "cpu, cuda, cuda:N; auto: cuda where there is one")
        ->capture_default_str();
    command.add_option("--max-minutes", max_minutes,
                       "Save and stop after so many minutes; go on with --resume");
    command.add_option("-j,--threads", threads, "Threads of the CPU's arithmetic; 0: one per processor")
        ->check(CLI::Range(0, 1024));
    command.add_flag("--resume", resume, "Go on from the checkpoint in --out, if there is one");
    command.add_flag("-q,--quiet", quiet, "No progress bar");
  }

  Recipe recipe() const {
    std::vector<std::string> all = overrides;
    if (!init.empty()) all.push_back("MODEL.INIT='" + init + "'");
    Recipe r = config.empty() ? fine_tuning_recipe(all, quick) : load_recipe(config, all);
    r.run.out = out;
    r.run.max_minutes = max_minutes;
    r.run.resume = resume;
    r.run.quiet = quiet;
#ifdef SAN_TRAIN_DATASETS
    r.run.draw_samples = write_sample_sheet;
#endif
    const bool runs_as_said = r.precision == Precision::kF32 || resolved_device() != "cpu" ||
                              (r.precision == Precision::kBF16 && torch_cpu_has_bf16());
    if (!runs_as_said) {
      log::info("SOLVER.AMP: this processor does not multiply such numbers; training runs in float32");
      r.precision = Precision::kF32, r.run.loss_scaling = false;
    }
    return r;
  }

  std::string resolved_device() const {
    return device == "auto" ? (torch_has_cuda() ? "cuda" : "cpu") : device;
  }

  Ranks ranks() const {
    return ranks_from_environment([](const char* name) { return std::getenv(name); });
  }

  std::shared_ptr<Communicator> communicator(const Recipe& recipe, const Ranks& ranks) const {
    return std::make_shared<Communicator>(ranks, at::Device(torch(recipe, ranks).device));
  }

  TorchOptions torch(const Recipe& recipe, const Ranks& ranks) const {
    TorchOptions options;
    options.device = resolved_device();
    if (options.device == "cuda" && ranks.size > 1) options.device = fmt::format("cuda:{}", ranks.local_rank);
    options.precision = recipe.precision;
    options.training = true;
    options.threads = threads;
    return options;
  }
};

}  // namespace san::cli
