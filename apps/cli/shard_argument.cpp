#include "shard_argument.h"

#include <charconv>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/part.h"

namespace san::cli {
namespace {

std::optional<int> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == 0) return {};
  int value = 0;
  const char* end = text + std::char_traits<char>::length(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  require(error == std::errc() && stop == end && value >= 0, "--shard auto: {}={}; expected a number",
          variable, text);
  return value;
}

/// Part `rank` of `size`, as two variables tell it.
std::optional<ShardArgument> rank_of(const char* rank, const char* size) {
  const auto r = number_in(rank), n = number_in(size);
  if (!r || !n) return {};
  require(*r < *n, "--shard auto: {}={} of {}={}", rank, *r, size, *n);
  return ShardArgument{*r + 1, *n};
}

std::optional<ShardArgument> array_task() {
  const auto task = number_in("SLURM_ARRAY_TASK_ID"), count = number_in("SLURM_ARRAY_TASK_COUNT");
  if (!task || !count) return {};
  const int first = number_in("SLURM_ARRAY_TASK_MIN").value_or(0),
            step = std::max(1, number_in("SLURM_ARRAY_TASK_STEP").value_or(1));
  const int place = (*task - first) / step;
  require(*task >= first && (*task - first) % step == 0 && place < *count,
          "--shard auto: task {} of a Slurm array of {} tasks from {} in steps of {}; arrays must run from "
          "one number to "
          "another in equal steps, as in --array=0-9",
          *task, *count, first, step);
  return ShardArgument{place + 1, *count};
}

ShardArgument from_environment() {
  if (const auto shard = array_task()) return *shard;
  for (const auto& [rank, size] : {std::pair{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                   {"PMI_RANK", "PMI_SIZE"},
                                   {"SLURM_PROCID", "SLURM_NTASKS"}})
    if (const auto shard = rank_of(rank, size)) return *shard;
  fail(
      "--shard auto: no task of a Slurm array (SLURM_ARRAY_TASK_ID), no MPI rank (OMPI_COMM_WORLD_RANK, "
      "PMI_RANK) and no "
      "Slurm step (SLURM_PROCID) in the environment; say i/n");
}

}  // namespace

ShardArgument ShardArgument::parse(const std::string& text) {
  if (text == "auto") return from_environment();
  const auto part = parse_part(text);
  require(part.has_value(), "--shard {}: expected i/n with 1 ≤ i ≤ n, as in 2/4, or auto", text);
  return {part->index, part->count};
}

void add_shard_option(CLI::App& app, ShardArgument& shard) {
  app.add_option_function<std::string>(
         "--shard", [&shard](const std::string& text) { shard = ShardArgument::parse(text); },
         "Only part i of n, as i/n, or auto: the task of a Slurm array, the rank under mpirun or srun")
      ->default_str("1/1");
}

}  // namespace san::cli
