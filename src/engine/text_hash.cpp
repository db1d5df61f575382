#include "engine/text_hash.h"

#include <set>

#include "base/hash.h"

namespace san {

std::set<std::string> text_parameters(const TextTower& tower) {
  ParamLoader declared;
  tower.prepare(declared);
  std::set<std::string> names;
  for (const Declaration& d : declared.declarations()) names.insert(d.name);
  return names;
}

std::string hash_text_tower(const std::string& config_json, const TextTower& tower,
                            const ParameterSource& parameters) {
  Sha256 hash;
  hash.update(config_json);
  for (const std::string& name : text_parameters(tower)) {
    const HostArray value = parameters.load(name);
    hash.update(name).update(value.shape.str()).update(dtype_name(value.dtype));
    hash.update(std::span(value.data.get(), static_cast<std::size_t>(value.bytes())));
  }
  return hash.hex();
}

}  // namespace san
