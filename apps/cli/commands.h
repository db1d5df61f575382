#pragma once
#include <CLI/CLI.hpp>

namespace san::cli {

// One file per command; each registers its options and what runs.
void add_segment(CLI::App& app);
void add_inspect(CLI::App& app);
void add_convert(CLI::App& app);
void add_verify(CLI::App& app);
void add_bench(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_prepare(CLI::App& app);
void add_world(CLI::App& app);
void add_pull(CLI::App& app);
void add_models(CLI::App& app);
#ifdef SAN_WITH_TORCH
/// Lets --backend torch be chosen.
void register_torch();
void add_train(CLI::App& app);
void add_pretrain(CLI::App& app);
#endif

}  // namespace san::cli
