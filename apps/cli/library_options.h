#pragma once
#include "answer_arguments.h"
#include "common.h"
#include "san/model.hpp"

namespace san::cli {

/// For the commands that are written on libsan; tells the precision where it was not asked for by name.
Model load_model(const ModelArguments& arguments, const std::string& method, const Program& program);

/// The words of a command that takes --bank and --distractors: says which distractors were chosen.
Vocabulary embed(const Model& model, const std::vector<ClassName>& classes,
                 const VocabularyArguments& arguments, const AnswerArguments& answers,
                 const Program& program);

/// With a progress bar when it takes long. Throws Error as Model::vocabulary() does.
Vocabulary embed(const Model& model, const std::vector<ClassName>& classes,
                 const VocabularyArguments& arguments, const Program& program);

}  // namespace san::cli
