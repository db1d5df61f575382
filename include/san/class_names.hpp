#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "san/error.hpp"

namespace san {

/// What a label map's index stands for.
struct ClassName {
  std::string label;               ///< shown to people: the first of the names
  std::vector<std::string> names;  ///< each embedded on its own; a pixel's score is the best of them
};

// The notation: docs/class-lists.md. All throw Error, with the file and line or the place in the
// list, for what a list cannot be.

/// One class, such as "couch|sofa".
SAN_API ClassName parse_class(std::string_view text);
/// Classes separated by commas: "cat, couch|sofa, sky".
SAN_API std::vector<ClassName> parse_class_list(std::string_view text);
/// One class per entry, such as the items of a YAML list. `where` names the list in errors.
SAN_API std::vector<ClassName> parse_classes(std::span<const std::string> entries, const std::string& where);
/// A file with one class per line; commas belong to the name, blank lines and lines that begin with # do not
/// count.
SAN_API std::vector<ClassName> load_class_file(const std::filesystem::path& path);

}  // namespace san
