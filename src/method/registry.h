#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "method/method.h"
#include "nn/param_scope.h"

namespace san {

/// A network's configuration as its model file carries it.
struct ModelConfig {
  std::string json;
  std::string where;  ///< begins messages about it
};

/// Token numbers of prompts, each from start to end token and not longer than the context, of any lengths;
/// many begin alike → embeddings [prompts, dim] of norm 1.
using TextForward = std::function<Tensor(Backend&, const std::vector<std::vector<int>>& prompts)>;

/// The text side of a network. Prepared when a vocabulary first needs it, let go afterwards.
struct TextTower {
  int context = 0;     ///< most tokens of a prompt
  int vocabulary = 0;  ///< token numbers it knows
  int dim = 0;         ///< of an embedding
  std::function<TextForward(ParamLoader&)> prepare;
};

/// A kind of network: what a model file whose metadata says `architecture` = name must hold. Functions throw
/// Error on a configuration that they cannot read.
struct ArchitectureInfo {
  std::string name;
  std::function<std::vector<Declaration>(const ModelConfig&)> parameters;  ///< all of them
  std::function<TextTower(const ModelConfig&)> text;
};

/// A way from pictures and words to logits.
struct MethodInfo {
  std::string name;          ///< of --method
  std::string summary;       ///< a few words for --help
  std::string architecture;  ///< of the model files it runs
  bool background = false;   ///< it can tell pixels that belong to no class
  bool masks = false;        ///< it makes mask proposals
  bool examples = false;     ///< a bank of examples can be asked beside the words
  std::function<std::unique_ptr<Method>(ParamLoader&, const ModelConfig&)> make;
};

/// Adds to what is built in. Throws Error when the name is taken, or the architecture of a method unknown.
/// Not thread-safe: call them first.
void register_architecture(ArchitectureInfo info);
void register_method(MethodInfo info);

/// Every method, in the order of registration.
std::vector<std::string> method_names();
/// Those that run models of an architecture, its own choice first.
std::vector<std::string> method_names(std::string_view architecture);
/// "san (…); maskclip (…); …": for --help.
std::string describe_methods();

/// Throws Error listing what is known; `where` begins the message.
ArchitectureInfo find_architecture(std::string_view name, const std::string& where);
/// The method called `name`, or the architecture's own when it is empty. Throws Error when there is none of
/// that name, or it does not run models of that architecture.
MethodInfo find_method(std::string_view name, std::string_view architecture, const std::string& where);

}  // namespace san
