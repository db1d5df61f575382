#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// One nameable thing of the demo world; a row of configs/world/*.tsv.
struct Concept {
  std::string name, group;
  bool seen = true;                  ///< the side adapter gets masks of it in training
  std::string article;               ///< "a", "an", "the", "some" or "a pair of"
  std::string plural;                ///< for counting; empty where nobody counts (mass nouns, pairs)
  std::vector<std::string> emoji;    ///< hyphenated lower-case code points, without variation selectors
  std::vector<std::string> fxemoji;  ///< names in the one set that has no code points
  std::vector<std::string> synonyms, keywords;

  /// "a cat", "some grapes", "a pair of scissors".
  std::string with_article() const { return article + " " + name; }
};

/// Reads a tab-separated list with a header row. Throws Error naming the line for unknown or missing columns,
/// duplicate names, unknown splits (seen, unseen-val, unseen-test) and an empty list.
std::vector<Concept> load_concepts(const std::filesystem::path& path);
std::vector<Concept> parse_concepts(std::string_view text, std::string_view where);

/// The background classes, all of them seen: walls first, grounds after.
struct StuffClass {
  std::string_view name;
  std::string_view phrase;  ///< how a caption ends: "on the grass", "in front of a brick wall"
  bool ground;
};
const std::vector<StuffClass>& stuff_classes();

}  // namespace san
