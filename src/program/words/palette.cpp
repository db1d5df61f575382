#include "program/words/palette.h"

#include <cstdio>
#include <fstream>

#include "base/error.h"
#include "san/label_sets.hpp"

namespace san {
namespace {

std::vector<Rgb> read_palette(const std::string& path, std::size_t classes) {
  std::ifstream file(path);
  require(file.good(),
          "--palette {}: expected distinct, dataset, none, or a file of colours; there is no such file",
          path);
  std::vector<Rgb> colors;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    unsigned r = 256, g = 256, b = 256;
    char rest = 0;
    const bool read = std::sscanf(line.c_str(), " #%2x%2x%2x %c", &r, &g, &b, &rest) == 3 ||
                      std::sscanf(line.c_str(), " %u%*[ ,\t]%u%*[ ,\t]%u %c", &r, &g, &b, &rest) == 3;
    require(read && r < 256 && g < 256 && b < 256,
            "{}:{}: expected a colour as \"R G B\" from 0 to 255, or #rrggbb", path, number);
    colors.push_back(
        {static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(g), static_cast<std::uint8_t>(b)});
  }
  require(colors.size() == classes, "{}: {} colours for {} classes", path, colors.size(), classes);
  return colors;
}

}  // namespace

std::vector<Rgb> class_colors(const std::string& palette, const std::string& set, std::size_t classes) {
  if (palette == "distinct" || palette == "none") return distinct_colors(classes);
  if (palette != "dataset") return read_palette(palette, classes);
  require(!set.empty(), "--palette dataset needs --label-set: only label sets have customary colours");
  const LabelSet colored = label_set(set);
  require(colored.palette.size() == classes,
          "label set {} has no customary colours; leave out --palette dataset", colored.name);
  return {colored.palette.begin(), colored.palette.end()};
}

}  // namespace san
