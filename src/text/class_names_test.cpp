#include "text/class_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> labels(const std::vector<ClassName>& classes) {
  std::vector<std::string> result;
  for (const auto& entry : classes) result.push_back(entry.label);
  return result;
}

template <class Parse>
std::string error_of(Parse parse) {
  try {
    parse();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ClassNames, ListsSplitAtCommasAndBars) {
  const auto classes = parse_class_list(" cat,  couch | sofa ,äpfel");
  EXPECT_THAT(labels(classes), ElementsAre("cat", "couch", "äpfel"));
  EXPECT_THAT(classes[1].names, ElementsAre("couch", "sofa"));
}

TEST(ClassNames, LinesKeepTheirCommas) {
  const auto classes =
      parse_class_lines("\xef\xbb\xbf# two classes\nbuilding, edifice\r\n\n  road | route \n", "x");
  EXPECT_THAT(labels(classes), ElementsAre("building, edifice", "road"));
  const std::string path = testing::TempDir() + "san_classes.txt";
  write_file_atomically(path, "a\nb, c\n");
  EXPECT_THAT(labels(load_class_file(path)), ElementsAre("a", "b, c"));
  std::filesystem::remove(path);
  EXPECT_THAT(error_of([&] { load_class_file(path); }), HasSubstr(path));
}

TEST(ClassNames, GivenNamesAreNotSplit) {
  const std::vector<std::string> names{"building, edifice", "a|b"};
  EXPECT_THAT(labels(make_classes(names)), ElementsAre("building, edifice", "a|b"));
}

TEST(ClassNames, BadListsAreOneClearError) {
  EXPECT_THAT(error_of([] { parse_class_list("  "); }), HasSubstr("the list is empty"));
  EXPECT_THAT(error_of([] { parse_class_list("a,,b"); }), HasSubstr("name 2 of the list is empty"));
  EXPECT_THAT(error_of([] { parse_class_list("a,b,"); }), HasSubstr("name 3"));
  EXPECT_THAT(error_of([] { parse_class_list("a||b"); }), HasSubstr("a name is empty"));
  EXPECT_THAT(error_of([] { parse_class_list("cat, dog, Cat"); }), HasSubstr("'Cat' is named twice"));
  EXPECT_THAT(error_of([] { parse_class_list("couch|sofa, sofa"); }), HasSubstr("in 'couch' and 'sofa'"));
  EXPECT_THAT(error_of([] { parse_class_list("a|A"); }), HasSubstr("named twice"));
  EXPECT_THAT(error_of([] { parse_class_list("a\x01z"); }), HasSubstr("'az': control characters"));
  EXPECT_THAT(error_of([] { parse_class_list("caf\xe9"); }), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of([] { parse_class_list("\u00a0"); }), HasSubstr("no visible characters"));
  EXPECT_THAT(error_of([] { parse_class_lines("# none\n", "f.txt"); }), HasSubstr("f.txt: no class names"));
  std::string many;
  for (int i = 0; i <= 65535; ++i) many += fmt::format("c{}\n", i);
  EXPECT_THAT(error_of([&] { parse_class_lines(many, "f.txt"); }), HasSubstr("65536 classes"));
}

}  // namespace
}  // namespace san
