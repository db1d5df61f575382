#pragma once
#include "common.h"
#include "engine/engine.h"

namespace san::cli {

/// For the commands that use the engine itself rather than libsan.
Engine::VocabularyOptions engine_options(const VocabularyArguments& arguments, const Program& program);

}  // namespace san::cli
