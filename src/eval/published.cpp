#include "eval/published.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "embedded/published_per_class.h"
#include "embedded/published_results.h"

namespace san {
namespace {

using Row = std::vector<std::string>;

std::vector<Row> read_tsv(std::string_view text) {
  std::vector<Row> rows;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    Row row;
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find('\t', begin), line.size());
      row.push_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::vector<PublishedResult> published_results(const std::string& dataset, int classes) {
  std::vector<PublishedResult> out;
  for (const Row& row : read_tsv(embedded::published_results()))
    if (row.at(0) == dataset)
      out.push_back({row.at(1), row.at(6), std::stod(row.at(2)), std::stod(row.at(3)), std::stod(row.at(4)),
                     std::stod(row.at(5)),
                     std::vector<std::optional<double>>(static_cast<std::size_t>(classes))});
  const auto table = read_tsv(embedded::published_per_class());
  for (auto& result : out) {
    const auto column = std::ranges::find(table.front(), result.model) - table.front().begin();
    for (const Row& row : table)
      if (row.at(0) == dataset && !row.at(static_cast<std::size_t>(column)).empty())
        result.class_iou.at(std::stoul(row.at(1))) = std::stod(row.at(static_cast<std::size_t>(column)));
  }
  return out;
}

}  // namespace san
