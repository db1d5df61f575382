#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// One meaning of a noun.
struct NounSense {
  std::vector<std::string> names;     ///< of it, the commonest first
  std::vector<std::string> kinds;     ///< names of what it is a kind of: one step up
  std::vector<std::string> examples;  ///< names of kinds of it: one step down
  std::string gloss;                  ///< what the dictionary says of it
};

/// The nouns of Princeton WordNet 3.0 as Debian's wordnet-base has them: index.noun and data.noun.
class WordNet {
 public:
  static constexpr const char* kFolder = "/usr/share/wordnet";

  /// Throws Error, with the package to install, where the files are missing.
  static WordNet load(const std::filesystem::path& folder = kFolder);

  /// The meanings of a name, whatever its case, the commonest first; a plural's are its singular's. Empty:
  /// not in WordNet. Throws Error with the file where it is damaged.
  std::vector<NounSense> senses(std::string_view name) const;

 private:
  struct Synset;
  std::string_view index_line(const std::string& lemma) const;
  Synset synset(std::uint64_t offset) const;

  std::filesystem::path folder_;
  std::string index_, data_;
};

}  // namespace san
