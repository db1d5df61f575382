#include "checkpoint/conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/formula.h"
#include "checkpoint/test_zip.h"

namespace san {
namespace {

using testing::HasSubstr;

TEST(Conversion, ReportsEverythingAtOnce) {
  const FormulaSource source({{"same.weight", {2, 2}}, {"other.weight", {2, 3}}, {"extra.weight", {1, 1}}},
                             "", "file.pth");
  const std::string error = test::error_of([&] {
    require_same_parameters({{"same.weight", {2, 2}}, {"other.weight", {3, 2}}, {"absent.weight", {1}}},
                            source);
  });
  EXPECT_THAT(error, HasSubstr("file.pth"));
  EXPECT_THAT(error, HasSubstr("1 parameters missing, 1 of another shape, 1 unexpected"));
  EXPECT_THAT(error, HasSubstr("missing: absent.weight"));
  EXPECT_THAT(error, HasSubstr("misshapen: other.weight is [2, 3], expected [3, 2]"));
  EXPECT_THAT(error, HasSubstr("unexpected: extra.weight"));
  EXPECT_EQ(test::error_of([&] {
              require_same_parameters(
                  {{"same.weight", {2, 2}}, {"other.weight", {2, 3}}, {"extra.weight", {1, 1}}}, source);
            }),
            "");
}

TEST(Conversion, ListsAtMostTwentyOfEach) {
  std::vector<Declaration> required;
  for (int i = 0; i < 30; ++i) required.push_back({fmt::format("p{}.weight", i), {1, 1}});
  const auto differences = compare_parameters(required, FormulaSource({}, "", "empty"));
  EXPECT_EQ(differences.missing.size(), 30u);
  EXPECT_THAT(differences.str(), HasSubstr("p19.weight"));
  EXPECT_THAT(differences.str(), testing::Not(HasSubstr("p20.weight")));
  EXPECT_THAT(differences.str(), HasSubstr("and 10 more missing"));
}

}  // namespace
}  // namespace san
