// The table in docs/ablations.md says what the runs beside it say.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <regex>

#include "support/files.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using Seeds = std::vector<double>;  // percent, one value per seed

struct Row {
  Seeds seen, unseen;
};

/// docs/runs/ablations/ROW-SEED.jsonl, by row.
std::map<std::string, Row> recorded_runs() {
  static const std::regex name(R"((.+)-\d+\.jsonl)");
  std::map<std::string, Row> rows;
  for (const auto& entry : fs::directory_iterator(fs::path(SAN_SOURCE_DIR) / "docs/runs/ablations")) {
    std::smatch match;
    const std::string file = entry.path().filename().string();
    if (!std::regex_match(file, match, name)) continue;
    nlohmann::json last;
    for (const std::string& line : lines_of(read_file(entry.path())))
      if (line.find("miou_seen") != std::string::npos) last = nlohmann::json::parse(line);
    EXPECT_TRUE(last.is_object()) << file << " holds no evaluation";
    if (!last.is_object()) continue;
    Row& row = rows[match[1].str()];
    row.seen.push_back(100 * last["miou_seen"].get<double>());
    row.unseen.push_back(100 * last["miou_unseen"].get<double>());
  }
  return rows;
}

/// "18.3 ± 0.4": mean and sample standard deviation.
std::string cell(const Seeds& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  char text[64];
  std::snprintf(text, sizeof text, "%.1f ± %.1f", mean, std::sqrt(squares / (n - 1)));
  return text;
}

TEST(Ablations, TableIsThatOfTheRuns) {
  const auto rows = recorded_runs();
  ASSERT_TRUE(rows.contains("baseline"));
  const std::string document = read_file(fs::path(SAN_SOURCE_DIR) / "docs/ablations.md");
  for (const auto& [name, row] : rows) {
    EXPECT_GE(row.seen.size(), 3u) << name << ": a spread takes three seeds";
    EXPECT_TRUE(fs::exists(fs::path(SAN_SOURCE_DIR) / "configs/ablations" / (name + ".yaml"))) << name;
    const std::string expected = "| " + cell(row.seen) + " | " + cell(row.unseen) + " |";
    bool found = false;
    for (const std::string& line : lines_of(document))
      found |= line.starts_with("| [" + name + "]") && line.find(expected) != std::string::npos;
    EXPECT_TRUE(found) << name << ": expected a row with " << expected;
  }
}

}  // namespace
}  // namespace san::testing
