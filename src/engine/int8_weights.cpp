#include "engine/int8_weights.h"

#include "engine/text_hash.h"

namespace san {
namespace {

bool in_a_block(std::string_view name) {
  return name.find("blocks.") != std::string_view::npos && name.ends_with("weight");
}

}  // namespace

std::function<bool(std::string_view name)> int8_rule(const LoadedModel& model) {
  const TextTower tower = find_architecture(model.architecture, model.name).text(model.config);
  return [text = text_parameters(tower), stored = model.int8](std::string_view name) {
    const std::string key(name);
    if (text.contains(key)) return false;
    return stored.empty() ? in_a_block(name) : stored.contains(key);
  };
}

std::function<bool(std::string_view name)> text_rule(const LoadedModel& model) {
  const TextTower tower = find_architecture(model.architecture, model.name).text(model.config);
  return [text = text_parameters(tower)](std::string_view name) {
    return in_a_block(name) && text.contains(std::string(name));
  };
}

std::set<std::string> int8_parameters(const std::vector<Declaration>& declarations,
                                      const std::set<std::string>& kept) {
  constexpr std::string_view kTokens = "token_embedding.weight";
  std::set<std::string> names;
  for (const Declaration& d : declarations)
    if (d.shape.rank() == 2 && !kept.contains(d.name) && (in_a_block(d.name) || d.name.ends_with(kTokens)))
      names.insert(d.name);
  return names;
}

}  // namespace san
