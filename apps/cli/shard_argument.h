#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace san::cli {

/// Part `index` of `count`, from 1.
struct ShardArgument {
  int index = 1, count = 1;

  /// "i/n", or "auto": the task of a Slurm array, else the rank of an MPI program, else of a Slurm step.
  /// Throws Error for anything else, and where the environment tells none of these.
  static ShardArgument parse(const std::string& text);
  /// Whether the picture with that number, from 0, is in this part.
  bool holds(std::int64_t number) const { return number % count == index - 1; }
  std::string text() const { return std::to_string(index) + "/" + std::to_string(count); }
};

void add_shard_option(CLI::App& app, ShardArgument& shard);

}  // namespace san::cli
