#pragma once
#include <CLI/CLI.hpp>

#include "program.h"

namespace san::cli {

// One file per command; each registers its options and what runs.
void add_segment(CLI::App& app, Program& program);
void add_explain(CLI::App& app, Program& program);
void add_bank(CLI::App& app, Program& program);
void add_words(CLI::App& app, Program& program);
void add_models(CLI::App& app);
void add_inspect(CLI::App& app);
void add_convert(CLI::App& app);
void add_quantize(CLI::App& app, Program& program);
void add_verify(CLI::App& app, Program& program);
void add_bench(CLI::App& app, Program& program);
void add_evaluate(CLI::App& app, Program& program);
void add_prepare(CLI::App& app, Program& program);
#ifdef SAN_WITH_TORCH
/// Lets --backend torch be chosen.
void register_torch();
void add_train(CLI::App& app, Program& program);
void add_pretrain(CLI::App& app, Program& program);
#endif

}  // namespace san::cli
