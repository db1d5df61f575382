#include "base/reader_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "base/bounded_json.h"
#include "base/test_error.h"

namespace san {
namespace {

using test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ReaderLimits : public ::testing::Test {
 protected:
  ReaderLimits() { ::unsetenv(ReaderLimit::kVariable); }
  ~ReaderLimits() override { ::unsetenv(ReaderLimit::kVariable); }
  static void set(const char* value) { ::setenv(ReaderLimit::kVariable, value, 1); }
};

TEST_F(ReaderLimits, StopBeyondAndSayHowToRaiseThem) {
  const ReaderLimit limit(10);
  EXPECT_EQ(error_of([&] { limit.check(10, "f.txt", "bytes"); }), "");
  EXPECT_EQ(error_of([&] { limit.check(11, "f.txt", "bytes"); }),
            "f.txt: 11 bytes, more than the 10 that are read; for a file that you trust --limits N (or "
            "SAN_LIMITS=N) multiplies this limit");
}

TEST_F(ReaderLimits, AreMultiplied) {
  set("3");
  EXPECT_EQ(error_of([] { ReaderLimit(10).check(30, "f.txt", "bytes"); }), "");
  EXPECT_THAT(error_of([] { ReaderLimit(10).check(31, "f.txt", "bytes"); }), HasSubstr("more than the 30"));
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(ReaderLimit(kMost / 2).value(), kMost) << "wrapped around";
}

TEST_F(ReaderLimits, StayAsTheyAreWhereStrangersAreRead) {
  set(ReaderLimit::kFixed);
  EXPECT_THAT(error_of([] { ReaderLimit(10).check(11, "f.txt", "bytes"); }),
              AllOf(HasSubstr("more than the 10"), Not(HasSubstr("--limits"))));
}

TEST_F(ReaderLimits, TakeOnlyWholeNumbersFromOne) {
  for (const char* wrong : {"0", "-1", "1001", "2.5", "2x", "x", "99999999999999999999", " 2"}) {
    set(wrong);
    EXPECT_THAT(error_of([] { ReaderLimit(1); }), HasSubstr("from 1 to 1000")) << wrong;
  }
  set("");
  EXPECT_EQ(ReaderLimit(7).value(), 7u);
}

TEST_F(ReaderLimits, OfJsonCountValuesButNeverDepth) {
  const JsonLimits limits{2, 5};
  const auto parse = [&](const char* text) {
    return error_of([&] { parse_bounded_json(text, "j", limits); });
  };
  EXPECT_THAT(parse("[1,2,3,4,5]"), HasSubstr("j: 6 JSON values, more than the 5 that are read"));
  EXPECT_THAT(parse("[[[]]]"), HasSubstr("nested more than 2 deep"));
  set("2");
  EXPECT_EQ(parse("[1,2,3,4,5]"), "");
  EXPECT_THAT(parse("[[[]]]"), HasSubstr("nested more than 2 deep"));
}

}  // namespace
}  // namespace san
