#include "hub/catalog.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "embedded/model_catalog.h"

namespace san {
namespace {

CatalogFile file_of(const nlohmann::json& entry) {
  return {entry.at("from").get<std::string>(), entry.value("sha256", "")};
}

std::vector<CatalogEntry> read_catalog() {
  std::vector<CatalogEntry> entries;
  for (const auto& m : nlohmann::json::parse(embedded::model_catalog()).at("models"))
    entries.push_back({m.at("name"), m.at("title"), m.at("license"), m.at("license_url"), m.at("megabytes"),
                       file_of(m.at("weights")), file_of(m.at("merges"))});
  return entries;
}

}  // namespace

const std::vector<CatalogEntry>& catalog() {
  static const std::vector<CatalogEntry> entries = read_catalog();
  return entries;
}

const CatalogEntry* find_in_catalog(const std::string& name) {
  const auto found = std::ranges::find(catalog(), name, &CatalogEntry::name);
  return found == catalog().end() ? nullptr : &*found;
}

}  // namespace san
