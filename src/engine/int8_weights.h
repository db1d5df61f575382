#pragma once
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/loaded_model.h"

namespace san {

/// Which linear layers of a model's image branch are computed in int8 when that is asked for: of a file of
/// int8 weights those that it holds as bytes, of any other the layers of the transformer blocks. What the
/// text tower does, once for a vocabulary, has a precision of its own, so that cached embeddings are the same
/// for every precision of pictures.
std::function<bool(std::string_view name)> int8_rule(const LoadedModel& model);
/// The linear layers of its text tower's transformer blocks.
std::function<bool(std::string_view name)> text_rule(const LoadedModel& model);

/// What a file of int8 weights holds as bytes: matrices of all transformer blocks, of the text tower too, and
/// the table of tokens, but for `kept`.
std::set<std::string> int8_parameters(const std::vector<Declaration>& declarations,
                                      const std::set<std::string>& kept);

}  // namespace san
