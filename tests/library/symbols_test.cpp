// What libsan.so shows to the world is what its headers promise, and no more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "support/files.h"
#include "support/process.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

std::string headers(const std::string& extension) {
  const fs::path folder = fs::path(SAN_SOURCE_DIR) / "include/san";
  std::string text;
  for (const std::string& file : files_below(folder))
    if (fs::path(file).extension() == extension) text += read_file(folder / file) + "\n";
  return text;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.insert((*it)[1]);
  return found;
}

/// Names of defined dynamic symbols, C++ ones demangled.
std::vector<std::string> exported() {
  const ProcessResult nm = run_process({"nm", "-D", "-C", "--defined-only", SAN_LIBRARY});
  EXPECT_EQ(nm.code, 0) << nm.err;
  std::vector<std::string> names;
  for (const std::string& line : lines_of(nm.out))
    if (line.size() > 19) names.push_back(line.substr(19));  // address, type
  return names;
}

TEST(Symbols, AreTheFunctionsOfTheCHeadersExactly) {
  std::set<std::string> found;
  for (const std::string& name : exported())
    if (name.starts_with("san_")) found.insert(name);
  EXPECT_GE(found.size(), 50u);
  EXPECT_EQ(found, matches(headers(".h"), R"(SAN_C_API[^;(]*?(san_[a-z_0-9]+)\()"));
}

TEST(Symbols, OfCppBelongToWhatTheHeadersMarkAsPublic) {
  const std::string text = headers(".hpp");
  std::set<std::string> classes = matches(text, R"((?:class|struct) SAN_API (\w+))");
  const std::set<std::string> functions = matches(text, R"(\nSAN_API [^;{]*?\b(\w+)\()");
  classes.merge(matches(text, R"(struct (ImageView|Rle) )"));  // structs of which single members are marked
  EXPECT_TRUE(classes.contains("Segmenter"));
  EXPECT_TRUE(functions.contains("draw_overlay"));
  // Type information of the exceptions must be one in program and library, or they could not be caught.
  static const std::regex kName(R"(^(?:typeinfo for |typeinfo name for |vtable for )?san::(\w+).*)");
  std::set<std::string> seen;
  for (const std::string& name : exported()) {
    if (name.starts_with("san_")) continue;
    std::smatch match;
    const std::string plain = std::regex_replace(name, std::regex(R"(\[abi:\w+\])"), "");
    EXPECT_TRUE(std::regex_match(plain, match, kName) &&
                (classes.contains(match[1]) || functions.contains(match[1])))
        << "libsan.so exports " << name << ", which no public header has";
    if (!match.empty()) seen.insert(match[1]);
  }
  for (const std::string& name : functions)
    EXPECT_TRUE(seen.contains(name)) << "san::" << name << " is declared, but not in libsan.so";
  for (const std::string& name : classes)
    EXPECT_TRUE(seen.contains(name)) << "class san::" << name << " is declared, but not in libsan.so";
}

}  // namespace
}  // namespace san::testing
