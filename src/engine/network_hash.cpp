#include "engine/network_hash.h"

#include <span>
#include <vector>

#include "base/hash.h"

namespace san {
namespace {

constexpr std::int64_t kSmallParameter = 1 << 15;

}  // namespace

std::string network_hash(const LoadedModel& model) {
  Sha256 hash;
  hash.update(model.config.json);
  for (const std::string& name : model.parameters->names()) {
    const Shape shape = model.parameters->shape(name);
    hash.update(name).update(shape.str());
    if (shape.elements() > kSmallParameter) continue;
    const std::vector<float> values = model.parameters->load(name).to_f32();
    hash.update(std::as_bytes(std::span(values)));
  }
  return hash.hex();
}

}  // namespace san
