#include "checkpoint/conversion.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "base/error.h"

namespace san {
namespace {

constexpr std::size_t kMaxListed = 20;

template <class Item, class Line>
void list(std::string& out, std::string_view kind, const std::vector<Item>& items, Line line) {
  for (std::size_t i = 0; i < std::min(items.size(), kMaxListed); ++i)
    out += fmt::format("\n  {}: {}", kind, line(items[i]));
  if (items.size() > kMaxListed) out += fmt::format("\n  … and {} more {}", items.size() - kMaxListed, kind);
}

}  // namespace

std::string ParameterDifferences::str() const {
  std::string out = fmt::format("{} parameters missing, {} of another shape, {} unexpected", missing.size(),
                                misshapen.size(), unexpected.size());
  const auto name = [](const std::string& text) { return text; };
  list(out, "missing", missing, name);
  list(out, "misshapen", misshapen, [](const Misshapen& m) {
    return fmt::format("{} is {}, expected {}", m.name, m.actual.str(), m.expected.str());
  });
  list(out, "unexpected", unexpected, name);
  return out;
}

ParameterDifferences compare_parameters(const std::vector<Declaration>& required,
                                        const ParameterSource& source) {
  ParameterDifferences differences;
  std::set<std::string> known;
  for (const auto& [name, expected, trainable] : required) {
    known.insert(name);
    if (!source.contains(name)) {
      differences.missing.push_back(name);
    } else if (const Shape actual = source.shape(name); !(actual == expected)) {
      differences.misshapen.push_back({name, expected, actual});
    }
  }
  for (auto& name : source.names())
    if (!known.contains(name)) differences.unexpected.push_back(std::move(name));
  return differences;
}

void require_same_parameters(const std::vector<Declaration>& required, const ParameterSource& source) {
  const ParameterDifferences differences = compare_parameters(required, source);
  require(differences.empty(), "{}: its parameters do not fit the network: {}", source.description(),
          differences.str());
}

}  // namespace san
