#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// What a label map's index stands for.
struct ClassName {
  std::string label;               // shown to people: the first of the names
  std::vector<std::string> names;  // each embedded on its own; a pixel's score is the best of them
};

/// One class from "couch" or "couch|sofa". Throws Error for an empty or repeated name, control characters,
/// text that is not UTF-8.
ClassName parse_class(std::string_view text);

/// A list such as "cat, couch|sofa, sky".
std::vector<ClassName> parse_class_list(std::string_view text);

/// One class per line; commas belong to the name, blank lines and lines that begin with # are skipped.
std::vector<ClassName> parse_class_lines(std::string_view text, const std::string& where);
std::vector<ClassName> load_class_file(const std::filesystem::path& path);

/// Names as they are, such as a label set's; neither commas nor bars split them.
std::vector<ClassName> make_classes(std::span<const std::string> names);

}  // namespace san
