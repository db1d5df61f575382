#pragma once
#include <string>
#include <vector>

#include "san/colors.hpp"

namespace san::cli {

/// The colours of a file, one a line: "R G B" from 0 to 255, or "#rrggbb"; blank lines do not count. Throws
/// Error with file and line, and unless there are as many as classes.
std::vector<Rgb> palette_file(const std::string& path, std::size_t classes);

}  // namespace san::cli
