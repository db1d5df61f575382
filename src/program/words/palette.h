#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "san/colors.hpp"

namespace san {

/// The colours of --palette, one a class: "distinct" and "none" are distinct_colors(), "dataset" the
/// customary ones of --label-set, anything else a file with a colour a line, "R G B" from 0 to 255 or
/// "#rrggbb"; blank lines do not count. Throws Error for a label set without colours, and with file and line
/// for what is none.
std::vector<Rgb> class_colors(const std::string& palette, const std::string& label_set, std::size_t classes);

}  // namespace san
