#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "san/class_names.hpp"

namespace san {

// The one notation of class lists (docs/class-lists.md). A class is one name or several with bars between:
// "couch|sofa". On the command line classes are separated by commas ("cat, couch|sofa, sky"). In a file each
// line is a class, commas belong to its name; blank lines and lines that begin with # do not count; UTF-8,
// with or without a byte-order mark; both kinds of line ends. White space around names is removed. A class's
// label value is its place among the classes, counted from 0.

/// Limits of a list beside kMaxClasses, checked before what they limit is worked on; the first two are
/// ReaderLimits.
struct ClassListLimits {
  static constexpr std::size_t kBytes = std::size_t{4} << 20;  ///< of a list or file
  static constexpr std::size_t kNames = std::size_t{1} << 17;  ///< synonyms included
  static constexpr std::size_t kNameBytes = 1024;              ///< CLIP reads 77 tokens
};

// All of these, and those that programs may use (san/class_names.hpp), throw Error, with the file and line or
// the place in the list, for: no class at all; an empty name; two names that CLIP cannot tell apart (it
// ignores case and spacing); control characters and marks that turn the direction of writing; text that is
// not UTF-8; anything beyond ClassListLimits.

/// One class per line. `where` names the text in errors ("where:7: …").
std::vector<ClassName> parse_class_lines(std::string_view text, const std::string& where);

/// Names as they are, such as a world's; neither commas nor bars split them.
std::vector<ClassName> make_classes(std::span<const std::string> names);

/// The labels alone.
std::vector<std::string> class_labels(std::span<const ClassName> classes);

}  // namespace san
