#include <fmt/format.h>

#include <optional>

#include "backend/check/check_backend.h"
#include "backend/factory/factory.h"
#include "base/error.h"
#include "commands.h"
#include "common.h"
#include "verify/golden.h"
#ifdef SAN_WITH_TORCH
#include "train/verify_golden.h"
#endif

namespace san::cli {
namespace {

/// bfloat16 rounds by 2^-9 at most, float32 by 2^-24.
constexpr double kBf16Roundoff = 1 << 15;
/// Bounds in units of the noise. With bfloat16 factors alone are rounded, not every sum, so one unit will do.
constexpr double kNoiseFactor = 20, kBf16NoiseFactor = 1;

struct Arguments {
  std::string golden, backend = "native", device = "cpu", precision = "fp32", bpe;
  int threads = 0;
  std::optional<double> noise_factor;
};

// The check backend's findings: the worst op of each kind, relative to the size of its values.
class OpTable {
 public:
  void add(const OpDifference& d) {
    Row& row = rows_[d.op];
    ++row.count;
    const double relative = d.max_error / std::max(d.rms, 1e-30);
    if (row.count == 1 || relative > row.relative) row.worst = d, row.relative = relative;
  }
  void print() const {
    fmt::print("\n{:<20}{:>8}{:>14}{:>14}  {}\n", "op", "calls", "max error", "error/rms", "worst call");
    for (const auto& [op, row] : rows_)
      fmt::print("{:<20}{:>8}{:>14.3g}{:>14.3g}  {} {}\n", op, row.count, row.worst.max_error, row.relative,
                 row.worst.name, row.worst.shape.str());
  }

 private:
  struct Row {
    int count = 0;
    double relative = 0;
    OpDifference worst;
  };
  std::map<std::string, Row> rows_;
};

#ifdef SAN_WITH_TORCH
void run_training(const Arguments& a, Program& program) {
  TorchOptions options;
  options.device = a.device;
  const std::vector<GoldenCheck> checks = verify_training_golden(a.golden, options);
  fmt::print("training steps replayed on {}\n\n{:<28}{:>8}{:>14}{:>12}  {}\n", torch_description(),
             "comparison", "tensors", "deviation", "limit", "result");
  bool passed = true;
  for (const GoldenCheck& c : checks) {
    fmt::print("{:<28}{:>8}{:>14.2e}{:>12.2e}  {}{}{}\n", c.name, c.count, c.deviation, c.limit,
               c.passed() ? "pass" : "FAIL", c.relative ? "  relative to rms" : "",
               c.worst.empty() ? "" : "  worst: " + c.worst);
    passed = passed && c.passed();
  }
  if (!passed) program.exit_code = 1;
}
#else
void run_training(const Arguments&, Program& program) {
  program.run_torch_companion();
}
#endif

void run(const Arguments& a, Program& program) {
  OpTable ops;
  const bool bf16 = a.precision == "bf16";
  const double noise_factor = a.noise_factor.value_or(bf16 ? kBf16NoiseFactor : kNoiseFactor);
  if (golden_kind(a.golden) == GoldenKind::kTraining) return run_training(a, program);
  if (a.backend == "torch") program.run_torch_companion();
  if (a.backend == "onnx")
    program.run_export_companion({"--verify", a.golden, "--bpe", a.bpe, "--noise-factor",
                                  fmt::format("{}", noise_factor), "--threads", std::to_string(a.threads)});
  const bool check = a.backend == "check";
  auto b = make_backend(check ? "native" : a.backend, {a.threads, a.device, a.precision});
  if (check)
    b = make_check_backend(std::move(b), make_backend("reference", {}),
                           [&](const OpDifference& d) { ops.add(d); });
  const std::string backend = b->name();
  const Backend::CancelWhen stop(*b, &program.interrupted);
  const GoldenReport report =
      verify_inference(a.golden, *b, {a.bpe, noise_factor, a.threads, bf16 ? kBf16Roundoff : 1});
  fmt::print("{}", describe(report, backend));
  if (a.backend == "check") ops.print();
  if (!report.passed()) program.exit_code = 1;
}

}  // namespace

void add_verify(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("verify", "Recompute a golden file of the authors' code and compare every tensor");
  const auto a = std::make_shared<Arguments>();
  command->add_option("golden", a->golden, "Golden file (.safetensors); weights inside it, or by its formula")
      ->required();
  command
      ->add_option(
          "--backend", a->backend,
          "native, reference, torch, check (native against reference, op by op), or onnx (exported graphs "
          "in ONNX Runtime, by node)")
      ->capture_default_str();
  command->add_option("--device", a->device, "torch only: cpu, cuda, cuda:N")->capture_default_str();
  command
      ->add_option("--precision", a->precision,
                   "fp32, or bf16 of all linear layers and attention (native): the noise then counts 2^15 "
                   "times, as much "
                   "coarser as bfloat16's roundings are")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  command->add_option("--bpe", a->bpe, "CLIP's merges, to check token ids too");
  command
      ->add_option("--noise-factor", a->noise_factor,
                   "Bound on a tensor's error, in units of its recorded float32 noise; default 20, of bf16 1")
      ->check(CLI::PositiveNumber);
  command->add_option("-j,--threads", a->threads, "Threads to use; 0: one per processor")
      ->capture_default_str();
  command->footer("Exit code 0: all agree; 1: some tensor differs; 2: the file cannot be used.");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
