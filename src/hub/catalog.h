#pragma once
#include <string>
#include <vector>

namespace san {

/// One file of a model: where it is and, where that is known beforehand, what it is.
struct CatalogFile {
  std::string from;    ///< a reference, see parse_reference()
  std::string sha256;  ///< hexadecimal; empty: not pinned
};

/// A model that can be fetched by name. The weights belong to whoever released them.
struct CatalogEntry {
  std::string name, title;
  std::string license, license_url;
  int megabytes = 0;        ///< of all downloads together, rounded
  int model_megabytes = 0;  ///< of the model made of them, in float32, rounded up
  CatalogFile weights, merges;
};

/// The models known by name (src/hub/catalog.json).
const std::vector<CatalogEntry>& catalog();

/// The entry of that name, or null.
const CatalogEntry* find_in_catalog(const std::string& name);

/// All names, separated by ", ".
std::string names_in_catalog();

}  // namespace san
