#pragma once
#include <vector>

#include "eval/sweep.h"
#include "evaluate_arguments.h"

namespace san::cli {

/// Throws Error for options that --sweep cannot heed.
void check_sweep(const EvaluateArguments& arguments);

/// What `san evaluate --sweep` compares: words alone; what was asked for by --distractors, --bank, --window,
/// --tile and --tta; refined edges; and a few looks at other sizes and mirrored. Throws Error as
/// EvaluatedModel does.
std::vector<Technique> sweep_techniques(const EvaluateArguments& arguments, const DatasetSpec& spec,
                                        const Program& program);

}  // namespace san::cli
