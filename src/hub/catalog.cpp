#include "hub/catalog.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "embedded/model_catalog.h"

namespace san {
namespace {

using nlohmann::json;

CatalogFile file_of(const json& entry) {
  return {entry.at("from").get<std::string>(), entry.value("sha256", "")};
}

std::vector<CatalogEntry> read_catalog() {
  const json all = json::parse(embedded::model_catalog());
  const CatalogFile merges = file_of(all.at("merges"));  // every one of them is made of a CLIP
  std::vector<CatalogEntry> entries;
  for (const json& m : all.at("models"))
    entries.push_back({m.at("name"), m.at("title"), m.at("license"), m.at("license_url"), m.at("megabytes"),
                       m.at("model_megabytes"), file_of(m.at("weights")), merges});
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

std::string names_in_catalog() {
  std::string names;
  for (const CatalogEntry& e : catalog()) names += (names.empty() ? "" : ", ") + e.name;
  return names;
}

}  // namespace san
