#include "text_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "backend/factory/factory.h"
#include "base/error.h"
#include "base/median.h"
#include "base/thread_pool.h"
#include "bench/machine.h"
#include "bench/peak.h"
#include "engine/loaded_model.h"
#include "model/clip_text.h"
#include "san/label_sets.hpp"
#include "text/vocabulary.h"

namespace san::cli {
namespace {

/// Prompts of the unshared way that run together: of one length.
constexpr std::size_t kUnsharedBatch = 64;

struct Way {
  std::vector<double> ms;      ///< of each run, all prompts
  std::vector<double> shares;  ///< of each run, of the machine's matmul speed around it; none but on the CPU
  std::int64_t macs = 0;
  std::vector<float> embeddings;  ///< of the last run, in the order of the prompts

  double ms_per_prompt(std::size_t prompts) const { return median(ms) / static_cast<double>(prompts); }
  double gflops(double run_ms) const { return 2e-6 * static_cast<double>(macs) / run_ms; }
};

/// Sorted by tokens.
Prompts make_prompts(const LoadedModel& model, const TextBench& o) {
  const PromptTemplates templates = o.templates.empty() ? model.templates : load_templates(o.templates);
  std::vector<std::string> names;
  for (const ClassName& c : label_set_classes(o.label_set))
    names.insert(names.end(), c.names.begin(), c.names.end());
  const std::size_t count = std::min(names.size(), static_cast<std::size_t>(o.names));
  Prompts prompts;
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t t = 0; t < templates.texts.size(); ++t)
      prompts.push_back(model.tokenizer->encode(templates.fill(t, names[n * names.size() / count])));
  std::ranges::sort(prompts);
  return prompts;
}

std::vector<float> embed_shared(const ClipText& tower, Backend& b, const Prompts& prompts) {
  std::vector<float> embeddings;
  for (std::size_t begin = 0, end = 0; begin < prompts.size(); begin = end) {
    end = batch_end(prompts, begin, EncodeOptions().batch_tokens);
    const auto first = prompts.begin();
    const Prompts batch(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end));
    const std::vector<float> rows = b.to_host(tower.encode(b, batch, Form::kRewritten));
    embeddings.insert(embeddings.end(), rows.begin(), rows.end());
  }
  return embeddings;
}

std::vector<float> embed_unshared(const ClipText& tower, Backend& b, const Prompts& prompts,
                                  std::int64_t dim) {
  std::vector<std::size_t> order(prompts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return prompts[i].size(); });
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> embeddings(prompts.size() * width);
  for (std::size_t begin = 0; begin < order.size();) {
    Prompts batch;
    std::size_t end = begin;
    for (; end < order.size() && end - begin < kUnsharedBatch &&
           prompts[order[end]].size() == prompts[order[begin]].size();
         ++end)
      batch.push_back(prompts[order[end]]);
    const std::vector<float> rows = b.to_host(tower.forward(b, prompt_ids(b, batch)));
    for (std::size_t i = begin; i < end; ++i)
      std::copy_n(rows.data() + (i - begin) * width, width, embeddings.data() + order[i] * width);
    begin = end;
  }
  return embeddings;
}

double largest_difference(std::span<const float> x, std::span<const float> y) {
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(double{x[i]} - y[i]));
  return largest;
}

std::int64_t tokens_of(const Prompts& prompts) {
  std::int64_t tokens = 0;
  for (const auto& prompt : prompts) tokens += static_cast<std::int64_t>(prompt.size());
  return tokens;
}

}  // namespace

void run_text_bench(const TextBench& o, const Program& program) {
  const int threads = o.model.threads > 0 ? o.model.threads : available_processors();
  const LoadedModel model = o.model.load();
  const Prompts prompts = make_prompts(model, o);
  const std::unique_ptr<Backend> b = o.model.make_backend(model, program);
  ParamLoader loader(*b, *model.parameters);
  const ClipConfig config = san_config(model, "san bench --text").clip;
  const ClipText tower(ParamScope(loader, "ov_classifier"), config);

  // What another precision is to be measured against: float32 in the same run, in turns.
  std::unique_ptr<Backend> exact_backend;
  std::optional<ParamLoader> exact_loader;
  std::optional<ClipText> exact_tower;
  if (model.text_precision != "fp32") {
    exact_backend = make_backend(b->name(), {threads});
    exact_loader.emplace(*exact_backend, *model.parameters);
    exact_tower.emplace(ParamScope(*exact_loader, "ov_classifier"), config);
  }

  Way shared, unshared;
  std::vector<double> exact_ms, gains;
  const auto once = [&](bool share) {
    return share ? embed_shared(tower, *b, prompts) : embed_unshared(tower, *b, prompts, config.embed_dim);
  };
  const auto time = [&](Way& way, bool share) {
    const double start = now_ms();
    way.embeddings = once(share);
    way.ms.push_back(now_ms() - start);
  };
  // Counted in the runs that warm up.
  for (const bool share : {true, false}) {
    std::int64_t& macs = share ? shared.macs : unshared.macs;
    b->observe([&](const OpRecord& r) { macs += r.depth > 0 ? 0 : r.macs; });
    once(share);
    b->observe({});
  }
  std::vector<float> exact;
  if (exact_tower) exact = embed_shared(*exact_tower, *exact_backend, prompts);
  std::optional<PeakTurns> peak;
  if (o.model.device == "cpu") peak.emplace(threads);
  std::vector<double> ratios;
  for (int i = 0; i < o.repeat && !program.interrupted; ++i) {
    time(shared, true);
    time(unshared, false);
    ratios.push_back(unshared.ms.back() / shared.ms.back());
    if (exact_tower) {
      const double start = now_ms();
      exact = embed_shared(*exact_tower, *exact_backend, prompts);
      exact_ms.push_back(now_ms() - start);
      gains.push_back(exact_ms.back() / shared.ms.back());
    }
    if (!peak) continue;
    const double around = peak->next();
    for (Way* way : {&shared, &unshared}) way->shares.push_back(way->gflops(way->ms.back()) / around);
  }
  require(!ratios.empty(), "interrupted before a run was finished");
  const double difference = largest_difference(shared.embeddings, unshared.embeddings);

  const double ms = shared.ms_per_prompt(prompts.size()),
               unshared_ms = unshared.ms_per_prompt(prompts.size());
  if (o.json) {
    const auto of_peak = [&](const Way& way) {
      return peak ? nlohmann::ordered_json(median(way.shares)) : nlohmann::ordered_json(nullptr);
    };
    nlohmann::ordered_json out{{"model", model.name},
                               {"backend", b->name()},
                               {"processor", processor_name()},
                               {"threads", threads},
                               {"label_set", o.label_set},
                               {"prompts", prompts.size()},
                               {"tokens", tokens_of(prompts)},
                               {"ms_per_prompt", ms},
                               {"unshared_ms_per_prompt", unshared_ms},
                               {"sharing_speedup", median(ratios)},
                               {"macs", shared.macs},
                               {"unshared_macs", unshared.macs},
                               {"peak_gflops", peak ? nlohmann::ordered_json(peak->best()) : nullptr},
                               {"share_of_peak", of_peak(shared)},
                               {"unshared_share_of_peak", of_peak(unshared)},
                               {"max_difference", difference},
                               {"peak_memory_bytes", peak_memory_bytes()},
                               {"precision", model.text_precision}};
    if (exact_tower) {
      out["fp32_ms_per_prompt"] = median(exact_ms) / static_cast<double>(prompts.size());
      out["times_as_fast_as_fp32"] = median(gains);
      out["max_difference_from_fp32"] = largest_difference(shared.embeddings, exact);
    }
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("{}, backend {}, {}, {} threads: {} prompts of {}, {:.1f} tokens each\n\n", model.name,
             b->name(), processor_name(), threads, prompts.size(), o.label_set,
             static_cast<double>(tokens_of(prompts)) / static_cast<double>(prompts.size()));
  for (const Way* way : {&shared, &unshared}) {
    fmt::print("{:<20} {:.2f} ms a prompt, median of {} runs; {:.3f} G multiply-adds",
               way == &shared ? "beginnings shared" : "every prompt alone",
               way->ms_per_prompt(prompts.size()), way->ms.size(),
               1e-9 * static_cast<double>(way->macs) / static_cast<double>(prompts.size()));
    fmt::print(
        "{}\n",
        peak ? fmt::format("; {:.1f} % of matmul speed in turns with it", 100 * median(way->shares)) : "");
  }
  fmt::print("sharing              {:.2f} times as fast; largest difference of a value {:.1e}\n",
             median(ratios), difference);
  if (exact_tower)
    fmt::print(
        "{:<20} {:.2f} times as fast as float32 in turns with it ({:.2f} ms); largest difference {:.1e}\n",
        model.text_precision, median(gains), median(exact_ms) / static_cast<double>(prompts.size()),
        largest_difference(shared.embeddings, exact));
  fmt::print("peak memory          {:.0f} MB, weights included\n",
             static_cast<double>(peak_memory_bytes()) / 1e6);
}

}  // namespace san::cli
