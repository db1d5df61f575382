#include "text/class_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/test_error.h"
#include "base/utf8.h"

namespace san {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> labels(const std::vector<ClassName>& classes) {
  std::vector<std::string> result;
  for (const auto& entry : classes) result.push_back(entry.label);
  return result;
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

TEST(ClassNames, EntriesAreClassesEach) {
  const std::vector<std::string> entries{"car, automobile", "couch|sofa"};
  const auto classes = parse_classes(entries, "set.yaml");
  EXPECT_THAT(class_labels(classes), ElementsAre("car, automobile", "couch"));
  EXPECT_THAT(classes[1].names, ElementsAre("couch", "sofa"));
  const std::vector<std::string> twice{"car", "sky", "Car"};
  EXPECT_THAT(error_of([&] { parse_classes(twice, "set.yaml"); }), HasSubstr("set.yaml, class 3: 'Car'"));
}

TEST(ClassNames, BadListsAreOneClearError) {
  EXPECT_THAT(error_of([] { parse_class_list("  "); }), HasSubstr("the list is empty"));
  EXPECT_THAT(error_of([] { parse_class_list("a,,b"); }), HasSubstr("name 2 of the list is empty"));
  EXPECT_THAT(error_of([] { parse_class_list("a,b,"); }), HasSubstr("name 3"));
  EXPECT_THAT(error_of([] { parse_class_list("a||b"); }), HasSubstr("a name is empty"));
  EXPECT_THAT(error_of([] { parse_class_list("cat, dog, Cat"); }),
              HasSubstr("number 3: 'Cat' is named twice (the first is 'cat', class names, number 1)"));
  EXPECT_THAT(error_of([] { parse_class_list("couch|sofa, sofa"); }), HasSubstr("'sofa' is named twice"));
  EXPECT_THAT(error_of([] { parse_class_list("a|A"); }), HasSubstr("named twice"));
  EXPECT_THAT(error_of([] { parse_class_list("caf\xe9"); }), HasSubstr("'caf\\xe9' is not valid UTF-8"));
  EXPECT_THAT(error_of([] { parse_class_list("\u00a0"); }), HasSubstr("no visible characters"));
  EXPECT_THAT(error_of([] { parse_class_lines("# none\n", "f.txt"); }), HasSubstr("f.txt: no class names"));
}

TEST(ClassNames, ErrorsNameTheLine) {
  EXPECT_THAT(error_of([] { parse_class_lines("# my classes\n\ncat\ndog|\n", "f.txt"); }),
              HasSubstr("f.txt:4: class 'dog|': a name is empty"));
  EXPECT_THAT(error_of([] { parse_class_lines("cat\r\n\r\n Cat\r\n", "f.txt"); }),
              HasSubstr("f.txt:3: 'Cat' is named twice (the first is 'cat', f.txt:1)"));
  EXPECT_THAT(error_of([] { parse_class_lines("cat\nz\xfe\n", "f.txt"); }), HasSubstr("f.txt:2: 'z\\xfe'"));
}

TEST(ClassNames, ControlCharactersNeitherPassNorReachTheMessage) {
  for (const char* bad : {"a\x01z", "a\x1b[2Jz", "a\u0085z", "a\u202ez", "a\u2028z", "a\x7fz"}) {
    const std::string message = error_of([&] { parse_class_list(bad); });
    EXPECT_THAT(message, HasSubstr("control characters"));
    EXPECT_EQ(printable(message), message);
  }
  EXPECT_THAT(error_of([] { parse_class_list("a\x1b[2Jz"); }), HasSubstr("'a\\x1b[2Jz'"));
}

TEST(ClassNames, LimitsHoldBeforeTheWork) {
  std::string many;
  for (int i = 0; i < 1 << 17; ++i) many += fmt::format("c{}\n", i);
  EXPECT_EQ(parse_class_lines(many, "f.txt").size(), 131072u) << "more than labels of 16 bits tell apart";
  EXPECT_THAT(error_of([&] { parse_class_lines(many + "one more\n", "f.txt"); }),
              HasSubstr("f.txt:131073: 131073 names, synonyms included, more than the 131072"));
  EXPECT_THAT(error_of([] { parse_class_lines(std::string(5 << 20, 'a'), "f.txt"); }),
              HasSubstr("5242880 bytes, more than the 4194304"));
  EXPECT_THAT(error_of([] { parse_class_list(std::string(1025, 'a')); }), HasSubstr("too long: 1025 bytes"));
  EXPECT_EQ(parse_class_list(std::string(1024, 'a')).size(), 1u);
  std::string synonyms = "c";
  for (int i = 0; i < 1 << 17; ++i) synonyms += fmt::format("|c{}", i);
  EXPECT_THAT(error_of([&] { parse_class_lines(synonyms, "f.txt"); }),
              HasSubstr("131073 names, synonyms included, more than the 131072"));
}

TEST(ClassNames, NestedReferencesEndInAnError) {
  std::string name = "&";
  for (int i = 0; i < 100; ++i) name += "amp;";
  const std::string message = error_of([&] { parse_class_lines("cat\n" + name + "\n", "f.txt"); });
  EXPECT_THAT(message, HasSubstr("f.txt:2: the name '&amp;"));
  EXPECT_THAT(message, HasSubstr("nested more than 15 deep"));
  EXPECT_LT(message.size(), 250u);
}

}  // namespace
}  // namespace san
