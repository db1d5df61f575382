// docs/ops.md is written from the sources: which backend has its own kernel for which op.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "backend/backend_suite/suite.h"

namespace san {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Op {
  std::string name;
  bool composite = false;
};

// The private virtuals of the seam in their order; pure ones are plain ops.
std::vector<Op> seam_ops() {
  const std::string text = read(fs::path(SAN_SOURCE_DIR) / "src/backend/backend.h");
  const std::regex declaration(R"(virtual [^;()]*\bdo_(\w+)\(([^;]*)\)( = 0)?;)");
  std::vector<Op> ops;
  for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it)
    ops.push_back({(*it)[1], !(*it)[3].matched});
  return ops;
}

std::set<std::string> overridden(const fs::path& folder) {
  std::set<std::string> ops;
  const std::regex override_of(R"(\bdo_(\w+)\([^;{}]*\)\s*override)");
  for (const auto& file : fs::directory_iterator(folder)) {
    const std::string text = read(file.path());
    for (std::sregex_iterator it(text.begin(), text.end(), override_of), end; it != end; ++it)
      ops.insert((*it)[1]);
  }
  return ops;
}

std::string table() {
  std::map<std::string, std::set<std::string>> backends;
  for (const auto& folder : fs::directory_iterator(fs::path(SAN_SOURCE_DIR) / "src/backend"))
    if (folder.is_directory())
      if (auto ops = overridden(folder.path()); !ops.empty())
        backends[folder.path().filename().string()] = std::move(ops);
  std::ostringstream out;
  out << "# Ops and backends\n\n"
         "Written from the sources by `op_table_test`; `SAN_UPDATE_DOCS=1` makes it write this file anew.\n"
         "\"own\": the backend's own code. \"definition\": the plain ops of `src/backend/composites.cpp`.\n\n"
         "| op | kind |";
  for (const auto& [name, ops] : backends) out << " " << name << " |";
  out << "\n|---|---|";
  for (std::size_t i = 0; i < backends.size(); ++i) out << "---|";
  for (const Op& op : seam_ops()) {
    out << "\n| " << op.name << " | " << (op.composite ? "composite" : "plain") << " |";
    for (const auto& [name, ops] : backends)
      out << (ops.contains(op.name) ? " own |" : op.composite ? " definition |" : " — |");
  }
  out << "\n";
  return out.str();
}

TEST(OpTable, DocumentIsCurrent) {
  const fs::path path = fs::path(SAN_SOURCE_DIR) / "docs/ops.md";
  if (std::getenv("SAN_UPDATE_DOCS")) std::ofstream(path) << table();
  EXPECT_EQ(read(path), table()) << "docs/ops.md is stale: run this test once with SAN_UPDATE_DOCS=1";
}

TEST(OpTable, EveryOpHasSuiteCases) {
  const std::vector<std::string> covered = suite::covered_ops();
  // Run by every case: nothing could be compared without them.
  const std::set<std::string> everywhere = {"from_host",
                                            "from_ids",
                                            "to_host",
                                            "prepare_linear",
                                            "prepare_grouped_linear",
                                            "prepare_layer_norm",
                                            "prepare_patch_embed",
                                            "prepare_table"};
  ASSERT_GT(seam_ops().size(), 20u);
  for (const Op& op : seam_ops()) {
    if (everywhere.contains(op.name)) continue;
    EXPECT_THAT(covered, testing::Contains(op.name));
  }
}

TEST(OpTable, TolerancesHaveReasons) {
  for (const suite::Tolerance& t : suite::tolerances()) {
    EXPECT_LT(t.limit, 1e-4) << t.op;
    EXPECT_STRNE(t.reason, "") << t.op;
    EXPECT_THAT(suite::covered_ops(), testing::Contains(t.op));
  }
}

}  // namespace
}  // namespace san
