#include "engine/text_hash.h"

#include <set>

#include "base/hash.h"

namespace san {

std::string hash_text_tower(const std::string& config_json, const TextTower& tower,
                            const ParameterSource& parameters) {
  ParamLoader declared;
  tower.prepare(declared);
  std::set<std::string> names;
  for (const Declaration& d : declared.declarations()) names.insert(d.name);
  Sha256 hash;
  hash.update(config_json);
  for (const std::string& name : names) {
    const HostArray value = parameters.load(name);
    hash.update(name).update(value.shape.str()).update(dtype_name(value.dtype));
    hash.update(std::span(value.data.get(), static_cast<std::size_t>(value.bytes())));
  }
  return hash.hex();
}

}  // namespace san
