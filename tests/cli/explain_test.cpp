#include <cstring>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "cli_fixture.h"
#include "image/codec/decode.h"

namespace san::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Explain : public Cli {
 protected:
  ProcessResult explain(const std::string& picture, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{
        "explain", "--quiet", picture, "--model", "formula:tiny", "--classes", "cat, sofa|couch, wall"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return san(arguments);
  }

  json data(const std::string& page) const {
    const std::string html = read_file(folder_ / page);
    const std::string mark = R"(<script type="application/json" id="data">)";
    const std::size_t begin = html.find(mark);
    if (begin == std::string::npos) return {};
    return json::parse(html.substr(begin + mark.size(), html.find("</script>", begin) - begin - mark.size()));
  }
};

TEST_F(Explain, WritesOnePageWhoseLabelsAreThoseOfSegment) {
  picture("a.png");
  expect_success(explain("a.png"));
  expect_success(segment({"a.png"}, {"--classes", "cat, sofa|couch, wall", "--save", "labels"}));
  const json page = data("explain.html");
  EXPECT_EQ(page["classes"], json({"cat", "sofa", "wall"}));
  ASSERT_EQ(page["labels"]["size"], json({60, 80})) << "small pictures are not sampled";
  const std::string bytes = base64_decode(page["labels"]["values"].get<std::string>());
  LabelMap labels(60, 80);
  ASSERT_EQ(page["labels"]["bits"], 16);
  std::vector<std::uint16_t> values(labels.labels.size());
  ASSERT_EQ(bytes.size(), values.size() * sizeof values[0]);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  labels.labels.assign(values.begin(), values.end());
  EXPECT_EQ(labels, decode_labels(folder_ / "out/a.labels.png"));
}

TEST_F(Explain, TakesWhereToWriteAndWhatToDoWithTheRest) {
  picture("a.png", 40, 90);
  expect_success(explain("a.png", {"--output", "b.html", "--background", "other", "--short-side", "64"}));
  const json page = data("b.html");
  EXPECT_EQ(page["other"], true);
  EXPECT_EQ(page["content"][0], 64);
  EXPECT_EQ(page["width"], 90);
}

TEST_F(Explain, ErrorsLeaveNothingBehind) {
  expect_error(explain("none.png"), 2, "none.png");
  picture("a.png");
  expect_error(explain("a.png", {"--output", "no/such/folder.html"}), 2, "no/such/folder.html");
  expect_error(explain("a.png", {"--backend", "reference"}), 2, "reference");
  EXPECT_THAT(files_below(folder_ / "."), ::testing::Not(::testing::Contains(HasSubstr(".html"))));
}

}  // namespace
}  // namespace san::testing
