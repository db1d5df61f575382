#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "backend/factory/factory.h"
#include "base/error.h"
#include "base/free_memory.h"
#include "base/median.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "bench/machine.h"
#include "bench/peak.h"
#include "commands.h"
#include "common.h"
#include "engine/engine.h"
#include "labels/segmentation_head.h"
#include "model/san.h"
#include "program/common_options.h"
#include "text_bench.h"
#ifdef SAN_WITH_TORCH
#include "train_bench.h"
#endif

namespace san::cli {
namespace {

struct Arguments {
  ModelArguments model;
  std::string size = "640x640";
  int classes = 171, repeat = 5, batch = 1, workers = 0;
  bool json = false, training = false, text = false;
  std::string label_set = "coco-stuff-171", templates;
};

struct OpTotal {
  std::string op;
  int calls = 0;
  double ms = 0;
  std::int64_t macs = 0, bytes = 0;
};

// Any finite picture costs the same.
void draw(std::span<float> picture) {
  for (std::size_t i = 0; i < picture.size(); ++i)
    picture[i] = static_cast<float>(static_cast<int>(i * 2654435761u >> 20 & 1023) - 512) / 256.0f;
}

// Class vectors of no list: independent ones, so that some classes are near to what a query sees and most
// far.
std::vector<float> class_vectors(std::int64_t values) {
  Rng random(1);
  std::vector<float> out(static_cast<std::size_t>(values));
  for (float& value : out) value = random.normal();
  return out;
}

// The network as one backend prepares it, and pictures for it, `batch` at a time.
class Runner {
 public:
  Runner(std::unique_ptr<Backend> backend, const LoadedModel& model, Grid image_size, int classes,
         int pictures_at_once = 1)
      : b(std::move(backend)),
        config(san_config(model, "san bench")),
        loader_(*b, *model.parameters),
        network(loader_, config),
        size(image_size),
        batch(pictures_at_once),
        classifier(network.classifier(*b, b->from_host({classes, config.clip.embed_dim},
                                                       class_vectors(classes * config.clip.embed_dim)))) {
    give_back_free_memory();  // as an Engine does
  }

  // Made anew for each run, which lets go of them as soon as it can.
  Tensor pictures(int count) const { return b->from_host({count, size.tokens(), 3}, draw); }
  void forward() const { forward(pictures(batch)); }
  double timed() const { return timed(batch); }
  // As many pictures, one after another.
  double timed_apart() const {
    double sum = 0;
    for (int i = 0; i < batch; ++i) sum += timed(1);
    return sum;
  }

  const std::unique_ptr<Backend> b;
  const SanConfig config;

 private:
  void forward(Tensor of) const {
    const SanOutput out = network.forward(*b, std::move(of), size).back();
    b->to_host(network.classify(*b, out.embeddings, classifier));
    b->to_host(out.mask_logits);
  }
  double timed(int count) const {
    Tensor of = pictures(count);
    const double start = now_ms();
    forward(std::move(of));
    return now_ms() - start;
  }

  ParamLoader loader_;

 public:
  const San network;
  const Grid size;
  const int batch;
  const Tensor classifier;
};

/// Runs between two measurements of the machine's matmul speed.
struct Turn {
  double ms = 0;  ///< median of a run
  double matmul_gflops = 0;
};
/// About as long as what measures that speed.
constexpr double kTurnMs = 600;

// Median time from the network's answer to a label for every pixel of the padded size.
double time_labels(const Runner& it, int threads, int repeat) {
  const San& network = it.network;
  Backend& b = *it.b;
  const Grid size = it.size;
  const SanOutput out = network.forward(b, it.pictures(1), size).back();
  const std::vector<float> class_logits = b.to_host(network.classify(b, out.embeddings, it.classifier));
  const std::vector<float> mask_logits = b.to_host(out.mask_logits);
  HeadView view;
  view.class_logits = class_logits;
  view.mask_logits = mask_logits;
  view.queries = static_cast<int>(network.config().queries);
  const Grid masks = network.mask_grid(size);
  view.grid_height = static_cast<int>(masks.height), view.grid_width = static_cast<int>(masks.width);
  view.padded_height = view.content_height = static_cast<int>(size.height);
  view.padded_width = view.content_width = static_cast<int>(size.width);
  HeadOptions options;
  options.classes = static_cast<int>(it.classifier[1]) - 1;
  ThreadPool pool(threads);
  SegmentationHead head(pool);
  std::vector<double> times;
  for (int i = 0; i < repeat; ++i) {
    const double start = now_ms();
    head.run({&view, 1}, view.padded_height, view.padded_width, options);
    times.push_back(now_ms() - start);
  }
  return median(times);
}

void run(const Arguments& a, const Program& program) {
  const Grid size = parse_size(a.size);
  const int threads = a.model.threads > 0 ? a.model.threads : available_processors();
  const LoadedModel model = a.model.load();
  const Runner it(a.model.make_backend(model, program), model, size, a.classes, a.batch);
  Backend* b = it.b.get();
  it.forward();
  const std::int64_t memory = peak_memory_bytes();
  // What another precision is to be measured against: float32 in the same run, in turns.
  const std::string precision = chosen_precision(a.model.backend, a.model.precision, !model.int8.empty());
  std::optional<Runner> exact;
  if (precision != "fp32" && a.model.backend == "native") {
    exact.emplace(make_backend("native", {threads}), model, size, a.classes, a.batch);
    exact->forward();
  }

  std::optional<PeakTurns> peak;
  if (a.model.device == "cpu") peak.emplace(threads);
  std::vector<double> times, apart, exact_times, gains;
  std::vector<Turn> turns;
  // What measures the peak leaves its own matrices in the caches; a small model is done before they are gone.
  const auto warm_up = [&] {
    constexpr double kLeastMs = 300;
    for (const double start = now_ms(); !program.interrupted;) {
      it.forward();
      if (exact) exact->forward();
      if (now_ms() - start >= kLeastMs) break;
    }
  };
  std::size_t turn_begin = 0;
  for (int i = 0; i < a.repeat && !program.interrupted; ++i) {
    if (turn_begin == times.size()) warm_up();
    times.push_back(it.timed());
    if (a.batch > 1) apart.push_back(it.timed_apart());
    if (exact) {
      exact_times.push_back(exact->timed());
      gains.push_back(exact_times.back() / times.back());
    }
    const std::vector<double> of_turn(times.begin() + static_cast<std::ptrdiff_t>(turn_begin), times.end());
    const double turn_ms = std::accumulate(of_turn.begin(), of_turn.end(), 0.0);
    if (!peak || (turn_ms < kTurnMs && i + 1 < a.repeat && !program.interrupted)) continue;
    turns.push_back({median(of_turn), peak->next()});
    turn_begin = times.size();
  }
  require(!times.empty(), "interrupted before a run was finished");
  std::sort(times.begin(), times.end());

  const double labels_ms = time_labels(it, threads, a.repeat);

  std::map<std::string, OpTotal> totals;
  std::int64_t macs = 0;
  b->observe([&](const OpRecord& r) {
    if (r.depth > 0) return;
    OpTotal& t = totals[r.op];
    t.op = r.op;
    ++t.calls, t.ms += r.ms, t.macs += r.macs, t.bytes += r.bytes;
    macs += r.macs;
  });
  it.forward();
  b->observe({});
  std::vector<OpTotal> ops;
  for (const auto& [name, total] : totals) ops.push_back(total);
  std::sort(ops.begin(), ops.end(), [](const OpTotal& x, const OpTotal& y) { return x.ms > y.ms; });

  const double total_ms = median(times);
  const double gflops = 2e-6 * static_cast<double>(macs) / total_ms;
  std::vector<double> shares;
  for (const Turn& t : turns) shares.push_back(2e-6 * static_cast<double>(macs) / t.ms / t.matmul_gflops);
  const double share = median(shares);
  const auto rate = [](const OpTotal& t) { return t.ms > 0 ? 2e-6 * static_cast<double>(t.macs) / t.ms : 0; };
  if (a.json) {
    nlohmann::ordered_json out{{"model", model.name},     {"backend", b->name()},   {"size", a.size},
                               {"threads", threads},      {"classes", a.classes},   {"total_ms", total_ms},
                               {"min_ms", times.front()}, {"max_ms", times.back()}, {"macs", macs},
                               {"gflops", gflops}};
    out["precision"] = precision;
    if (a.batch > 1) out["batch"] = a.batch, out["one_by_one_ms"] = median(apart);
    if (exact) out["fp32_ms"] = median(exact_times), out["times_as_fast_as_fp32"] = median(gains);
    const auto if_measured = [&](double value) {
      return peak ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
    };
    out["peak_gflops"] = if_measured(peak ? peak->best() : 0);
    out["share_of_peak"] = if_measured(share);
    out["shares_of_turns"] = shares;
    out["share_of_best"] = if_measured(peak ? gflops / peak->best() : 0);
    out["processor"] = processor_name();
    out["labels_ms"] = labels_ms;
    out["peak_memory_bytes"] = memory;
    for (const OpTotal& t : ops)
      out["ops"].push_back({{"op", t.op},
                            {"calls", t.calls},
                            {"ms", t.ms},
                            {"macs", t.macs},
                            {"gflops", rate(t)},
                            {"bytes", t.bytes}});
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("{}, backend {}, {}, {} threads, {} classes: image → masks and class logits\n\n", model.name,
             b->name(), a.size, threads, a.classes);
  constexpr const char* kRow = "{:<23}{:>6}{:>11}{:>8}{:>10}{:>11}{:>10}{:>10}\n";
  fmt::print(kRow, "op", "calls", "ms", "share", "G macs", "FLOP/byte", "GFLOP/s", "of peak");
  double op_ms = 0;
  for (const OpTotal& t : ops) op_ms += t.ms;
  for (const OpTotal& t : ops) {
    const auto if_multiplying = [&](const char* form, double value) {
      return t.macs > 0 ? fmt::format(fmt::runtime(form), value) : "";
    };
    const auto flops = 2 * static_cast<double>(t.macs);
    fmt::print(kRow, t.op, t.calls, fmt::format("{:.2f}", t.ms), fmt::format("{:.1f}%", 100 * t.ms / op_ms),
               if_multiplying("{:.3f}", flops / 2e9),
               if_multiplying("{:.0f}", flops / static_cast<double>(t.bytes)),
               if_multiplying("{:.0f}", rate(t)),
               peak ? if_multiplying("{:.0f}%", 100 * rate(t) / peak->best()) : "");
  }
  fmt::print("\nmedian of {} runs    {:.1f} ms (fastest {:.1f}, slowest {:.1f})\n", times.size(), total_ms,
             times.front(), times.back());
  if (a.batch > 1)
    fmt::print("one after another    {:.1f} ms: at once takes {:.2f} of it\n", median(apart),
               total_ms / median(apart));
  if (exact)
    fmt::print("{:<21}{:.2f} × as fast as float32 in turns with it ({:.1f} ms)\n", precision, median(gains),
               median(exact_times));
  fmt::print("labels of a picture  {:.1f} ms: network and labels take {:.2f} × the network\n", labels_ms,
             1 + labels_ms * a.batch / total_ms);
  fmt::print("multiply-adds        {:.2f} G\nachieved             {:.0f} GFLOP/s\n",
             static_cast<double>(macs) / 1e9, gflops);
  if (peak)
    fmt::print(
        "share of peak        {:.1f} % of matmul speed in turns with it; {:.1f} % of the best, {:.0f} "
        "GFLOP/s\n",
        100 * share, 100 * gflops / peak->best(), peak->best());
  fmt::print("peak memory          {:.0f} MB, weights included\n", static_cast<double>(memory) / 1e6);
}

void run_training(const Arguments& a, bool model_given, const Program& program) {
#ifdef SAN_WITH_TORCH
  TrainingBench t;
  if (model_given) t.model = a.model.model;
  const Grid size = parse_size(a.size);
  require(size.height == size.width, "--size {}: training crops are square, such as 640x640", a.size);
  t.size = size.height;
  t.device = a.model.device, t.threads = a.model.threads;
  t.precision = chosen_precision("torch", a.model.precision, false);
  t.batch = a.batch, t.classes = a.classes, t.repeat = a.repeat, t.workers = a.workers, t.json = a.json;
  run_training_bench(t, program.interrupted);
#else
  (void)a, (void)model_given;
  program.run_torch_companion();
#endif
}

}  // namespace

void add_bench(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "bench", "Time a model: per op, in total, and as a share of the machine's matmul peak");
  const auto a = std::make_shared<Arguments>();
  a->model.add_to(*command);
  command->add_option("--size", a->size, "Padded input as HEIGHTxWIDTH, multiples of 32")
      ->capture_default_str();
  add_class_count_option(*command, a->classes, 100'000);
  command->add_option("--repeat", a->repeat, "Timed runs; the median counts")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_flag("--json", a->json, "JSON on standard output");
  auto* training = command->add_flag(
      "--training", a->training,
      "Time optimiser steps instead (by libtorch, the official recipe, formula:vit-b-16 unless --model says "
      "otherwise): waiting for data, forward, backward, optimiser; share of the matmul peak; memory; what "
      "the "
      "loader delivers alone from JPEG files. Multiply-adds: each product once forward and once more for "
      "each "
      "operand that needs a gradient. --precision all compares them");
  command
      ->add_option(
          "--batch", a->batch,
          "Pictures of a step of --training; else of one pass through the network, timed in turns with as "
          "many passes of one")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command
      ->add_option("--workers", a->workers, "Threads that decode and augment; 0: one per processor but one")
      ->needs(training)
      ->capture_default_str()
      ->check(CLI::Range(0, 1024))
      ->group("Training");
  training->group("Training");
  auto* text =
      command->add_flag("--text", a->text,
                        "Time the text tower instead, on --class-count names of a label set in every "
                        "template: with what prompts "
                        "have in common computed once, and every prompt alone (by length), in turns");
  for (auto* option :
       {command->add_option("--label-set", a->label_set, "Whose names")->capture_default_str(),
        command->add_option("--templates", a->templates,
                            "Prompt templates: vild, imagenet, single, or a file; default: the model's own")})
    option->needs(text)->group("Text");
  text->excludes(training)->group("Text");
  command->callback([a, model = command->get_option("--model"), &program] {
    if (a->text)
      run_text_bench({a->model, a->label_set, a->templates, a->classes, a->repeat, a->json}, program);
    else if (a->training)
      run_training(*a, model->count() > 0, program);
    else
      run(*a, program);
  });
}

}  // namespace san::cli
