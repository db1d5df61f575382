#include "world/concepts.h"

#include <array>
#include <unordered_set>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<std::string> list_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (auto& part : split(text, separator)) {
    const std::size_t begin = part.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    parts.push_back(part.substr(begin, part.find_last_not_of(' ') - begin + 1));
  }
  return parts;
}

constexpr std::array kColumns = {"name",  "group",   "split",    "article", "plural",
                                 "emoji", "fxemoji", "synonyms", "keywords"};

}  // namespace

std::vector<Concept> parse_concepts(std::string_view text, std::string_view where) {
  std::vector<Concept> concepts;
  std::unordered_set<std::string> names;
  int line_number = 0;
  for (const auto& line : split(text, '\n')) {
    ++line_number;
    if (line.empty()) continue;
    const auto fields = split(line, '\t');
    require(fields.size() == kColumns.size(), "{}:{}: expected {} tab-separated columns, got {}", where,
            line_number, kColumns.size(), fields.size());
    if (line_number == 1) {
      for (std::size_t i = 0; i < kColumns.size(); ++i)
        require(fields[i] == kColumns[i], "{}:1: column {} should be '{}', got '{}'", where, i + 1,
                kColumns[i], fields[i]);
      continue;
    }
    Concept entry;
    entry.name = fields[0];
    entry.group = fields[1];
    require(!entry.name.empty(), "{}:{}: the name is empty", where, line_number);
    require(names.insert(entry.name).second, "{}:{}: '{}' is listed twice", where, line_number, entry.name);
    require(fields[2] == "seen" || fields[2] == "unseen-val" || fields[2] == "unseen-test",
            "{}:{}: split should be seen, unseen-val or unseen-test, got '{}'", where, line_number,
            fields[2]);
    entry.seen = fields[2] == "seen";
    entry.article = fields[3];
    require(!entry.article.empty(), "{}:{}: '{}' has no article", where, line_number, entry.name);
    entry.plural = fields[4];
    entry.emoji = list_of(fields[5], ' ');
    entry.fxemoji = list_of(fields[6], ' ');
    entry.synonyms = list_of(fields[7], ',');
    entry.keywords = list_of(fields[8], ',');
    concepts.push_back(std::move(entry));
  }
  require(!concepts.empty(), "{}: no concept listed", where);
  return concepts;
}

std::vector<Concept> load_concepts(const std::filesystem::path& path) {
  return parse_concepts(read_text_file(path, std::size_t{16} << 20), path.string());
}

const std::vector<StuffClass>& stuff_classes() {
  static const std::vector<StuffClass> classes = {
      {"sky", "under the sky", false},
      {"night sky", "under the night sky", false},
      {"brick wall", "in front of a brick wall", false},
      {"wallpaper", "in front of wallpaper", false},
      {"hedge", "in front of a hedge", false},
      {"grass", "on the grass", true},
      {"sand", "on the sand", true},
      {"water", "in the water", true},
      {"snow", "on the snow", true},
      {"wooden floor", "on a wooden floor", true},
      {"stone pavement", "on a stone pavement", true},
      {"soil", "on the soil", true},
      {"road", "on the road", true},
      {"tiled floor", "on a tiled floor", true},
  };
  return classes;
}

}  // namespace san
