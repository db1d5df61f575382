#include "train/report.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/error.h"
#include "embedded/training_report.h"

namespace san {
namespace {

using nlohmann::json;
constexpr std::size_t kMostPoints = 1500, kMostSheets = 6;

// Records of the metrics file; of many, evenly spread ones.
json read_metrics(const std::filesystem::path& path) {
  json steps = json::array(), evaluations = json::array(), classes = json::array();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    json record = json::parse(line, nullptr, false);
    if (!record.is_object()) continue;
    if (const auto found = record.find("classes"); found != record.end()) {
      classes = std::move(*found);
      record.erase(found);
    }
    (record.contains("evaluation") ? evaluations : steps).push_back(std::move(record));
  }
  if (steps.size() > kMostPoints) {
    json thinned = json::array();
    for (std::size_t i = 0; i < kMostPoints; ++i)
      thinned.push_back(steps[i * (steps.size() - 1) / (kMostPoints - 1)]);
    steps = std::move(thinned);
  }
  return {{"steps", steps}, {"evaluations", evaluations}, {"classes", classes}};
}

json read_sheets(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".png") paths.push_back(entry.path());
  std::ranges::sort(paths);
  json sheets = json::array();
  const std::size_t count = std::min(kMostSheets, paths.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& path = paths[count == 1 ? paths.size() - 1 : i * (paths.size() - 1) / (count - 1)];
    sheets.push_back({{"name", path.stem().string()}, {"png", base64_encode(read_text_file(path))}});
  }
  return sheets;
}

}  // namespace

void write_report(const std::filesystem::path& run_folder, const std::string& title) {
  json data = read_metrics(run_folder / "metrics.jsonl");
  data["title"] = title;
  data["sheets"] = read_sheets(run_folder / "samples");
  std::string text = data.dump();
  // Inside a script element "</" would end it.
  for (std::size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
    text.insert(at + 1, 1, '\\');
  std::string page(embedded::training_report());
  constexpr std::string_view kPlace = "/*DATA*/null";
  const std::size_t place = page.find(kPlace);
  require(place != std::string::npos, "the report page has no place for its data");
  page.replace(place, kPlace.size(), text);
  write_file_atomically(run_folder / "report.html", page);
}

}  // namespace san
