#include "checkpoint/memory_source.h"

#include "base/error.h"

namespace san {

std::vector<std::string> MemorySource::names() const {
  std::vector<std::string> names;
  names.reserve(arrays_.size());
  for (const auto& [name, array] : arrays_) names.push_back(name);
  return names;
}

HostArray MemorySource::load(const std::string& name) const {
  const auto found = arrays_.find(name);
  require(found != arrays_.end(), "{}: no parameter \"{}\"", description_, name);
  return found->second;
}

}  // namespace san
