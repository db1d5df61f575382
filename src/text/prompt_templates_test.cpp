#include "text/prompt_templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "text/text_lines.h"

namespace san {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(PromptTemplates, BuiltInSetsHaveTheirSizes) {
  EXPECT_EQ(load_templates("vild").texts.size(), 14u);
  EXPECT_EQ(load_templates("imagenet").texts.size(), 80u);
  EXPECT_EQ(load_templates("vild").fill(0, "building, edifice"), "a photo of a building, edifice.");
  EXPECT_EQ(load_templates("single").fill(0, "cat"), "cat");
  EXPECT_EQ(load_templates("single").fill(0, "{}"), "{}");
}

TEST(PromptTemplates, ReadsAFile) {
  const std::string path = testing::TempDir() + "san_templates.txt";
  write_file_atomically(path, "\xef\xbb\xbf# mine\r\na {}\r\n\r\n  the {} here \n");
  EXPECT_THAT(load_templates(path).texts, ElementsAre("a {}", "the {} here"));
  write_file_atomically(path, "# nothing\n");
  EXPECT_THAT([&] { load_templates(path); }, ThrowsMessage<Error>(HasSubstr("there are none")));
  std::filesystem::remove(path);
}

TEST(PromptTemplates, WantsExactlyOnePlace) {
  for (const char* text : {"a photo", "{} and {}", "{ }", ""})
    EXPECT_THAT(
        [&] {
          make_templates("custom", {"{}", text});
        },
        ThrowsMessage<Error>(HasSubstr("exactly one {}")))
        << text;
  EXPECT_THAT([] { load_templates("vlid"); }, ThrowsMessage<Error>(HasSubstr("vild, imagenet, single")));
}

TEST(TextLines, SplitsAndTrims) {
  EXPECT_THAT(split_trimmed(" a ,b,, c", ','), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split_trimmed("", ','), ElementsAre(""));
  EXPECT_THAT(content_lines("a\n\n #x\nb"), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace san
