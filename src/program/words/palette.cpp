#include "program/words/palette.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/input_file.h"
#include "san/label_sets.hpp"

namespace san {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 20;  // 65535 colours take a quarter of it

std::string_view trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t\r");
  return begin == line.npos ? "" : line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

/// A number from 0 to 255 off the front of `text`.
std::optional<std::uint8_t> take(std::string_view& text, std::size_t most_digits, int base) {
  std::uint8_t value = 0;
  const char* const limit = text.data() + std::min(most_digits, text.size());
  const auto [end, error] = std::from_chars(text.data(), limit, value, base);
  if (error != std::errc() || (base == 16 && end != text.data() + most_digits)) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// "R G B", with blanks or commas between, or "#rrggbb".
std::optional<Rgb> color_of(std::string_view text) {
  const bool hex = text.starts_with('#');
  if (hex) text.remove_prefix(1);
  std::array<std::uint8_t, 3> parts{};
  for (std::uint8_t& part : parts) {
    const auto value = hex ? take(text, 2, 16) : take(text, text.size(), 10);
    if (!value) return {};
    part = *value;
    const std::size_t gap = hex ? 0 : std::min(text.find_first_not_of(" ,\t"), text.size());
    if (!hex && gap == 0 && &part != &parts.back()) return {};
    text.remove_prefix(gap);
  }
  if (!text.empty()) return {};
  return Rgb{parts[0], parts[1], parts[2]};
}

std::vector<Rgb> read_palette(const std::string& path, std::size_t classes) {
  require(file_exists(path),
          "--palette {}: expected distinct, dataset, none, or a file of colours; there is no such file",
          path);
  std::istringstream file(read_text_file(path, kMostBytes));
  std::vector<Rgb> colors;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const std::string_view text = trimmed(line);
    if (text.empty()) continue;
    const std::optional<Rgb> color = color_of(text);
    require(color.has_value(), "{}:{}: expected a colour as \"R G B\" from 0 to 255, or #rrggbb", path,
            number);
    colors.push_back(*color);
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
