#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace san {

/// Other names of the classes of a label set, or of the demo world's.
struct SynonymList {
  std::string set;
  std::vector<std::pair<std::string, std::vector<std::string>>> classes;  ///< class, its other names
};

/// All of them, sorted.
std::span<const SynonymList> synonym_lists();

/// What names have in common that differ in case, spaces, hyphens and the plural of their last word.
std::string spelling_key(std::string_view name);

}  // namespace san
