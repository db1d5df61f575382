#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "san/class_names.hpp"

namespace san {

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
