// The training program alone, for machines without the libraries of the whole (tools/build-cuda.sh).
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "commands.h"
#include "program/commands.h"
#include "program/common_options.h"
#include "program/interrupts.h"
#include "train_bench.h"

namespace {

void add_training_bench(CLI::App& app, const san::cli::Program& program) {
  auto* command = app.add_subcommand("bench", "Time training steps (as `san bench --training`)");
  const auto o = std::make_shared<san::cli::TrainingBench>();
  o->device = "cuda";
  command->add_option("-m,--model", o->model, "Model file, or formula:NAME (random weights)")
      ->capture_default_str();
  command->add_option("--size", o->size, "Side of the crops")
      ->capture_default_str()
      ->check(CLI::Range(32, 4096));
  command->add_option("--batch", o->batch, "Pictures of a step")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  san::add_class_count_option(*command, o->classes, 255);
  command->add_option("--repeat", o->repeat, "Timed steps")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_option("--device", o->device, "cpu, cuda, cuda:N")->capture_default_str();
  command->add_option("--precision", o->precision, "fp32, bf16, fp16 or all")->capture_default_str();
  command->add_flag("--json", o->json, "JSON on standard output");
  command->callback([o, &program] { san::cli::run_training_bench(*o, program.interrupted); });
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  san::log::setup(false);
  CLI::App app{"san-train: the training commands of san", "san-train"};
  app.require_subcommand(1);
  san::cli::Program program{argv, san::catch_interrupts()};
  san::cli::add_train(app, program);
  san::cli::add_pretrain(app, program);
  add_training_bench(app, program);
  if (const int failed = san::run_commands(app, "san-train", argc, argv)) return failed;
  // Everything is on disk; a CUDA libtorch of another compiler does not survive the destruction of its
  // statics.
  std::fflush(nullptr);
  std::_Exit(0);
}
