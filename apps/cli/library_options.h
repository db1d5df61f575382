#pragma once
#include <optional>

#include "answer_arguments.h"
#include "common.h"
#include "san/model.hpp"

namespace san::cli {

/// For the commands that are written on libsan; tells the precision where it was not asked for by name.
/// `threads` take the place of the arguments' own.
Model load_model(const ModelArguments& arguments, const std::string& method, const Program& program,
                 const std::optional<ThreadBudget>& threads = {});

/// The words with the examples of --bank beside them, if it is given. Throws Error as Bank::load() and
/// Model::with_bank() do.
Vocabulary with_bank(const Model& model, Vocabulary words, const AnswerArguments& answers);

}  // namespace san::cli
