// Files of saved vocabularies that somebody else wrote.
#include <cstring>

#include "base/test_error.h"
#include "library_fixture.h"

namespace san::testing {
namespace {

using test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class VocabularyFiles : public Library {
 protected:
  VocabularyFiles() : model_(Model::load("formula:tiny")) {
    model_.vocabulary({"cat", "sofa|couch"}).save(path());
    whole_ = read_file(path());
  }

  std::filesystem::path path() const { return folder_ / "words.safetensors"; }
  /// What is said of a file whose header has `now` in place of `before`.
  std::string said_of(const std::string& before, const std::string& now) const {
    std::uint64_t length = 0;
    std::memcpy(&length, whole_.data(), sizeof length);
    std::string header = whole_.substr(sizeof length, length);
    const std::size_t at = header.find(before);
    EXPECT_NE(at, std::string::npos) << before;
    header.replace(at, before.size(), now);
    length = header.size();
    std::string file(reinterpret_cast<const char*>(&length), sizeof length);
    file += header + whole_.substr(sizeof length + length - now.size() + before.size());
    write_file(path(), file);
    return error_of([&] { model_.load_vocabulary(path()); });
  }

  Model model_;
  std::string whole_;
};

TEST_F(VocabularyFiles, ThatAreDamagedAreRefusedByName) {
  const std::string classes = R"([[\"cat\",1],[\"sofa\",2]])";
  const std::pair<std::string, std::string> damages[] = {
      {classes, "["},
      {classes, "5"},
      {classes, "[]"},
      {classes, "[1]"},
      {classes, R"([[\"cat\"]])"},
      {classes, R"([[\"cat\",0],[\"sofa\",3]])"},
      {classes, R"([[\"cat\",-1],[\"sofa\",4]])"},
      {classes, R"([[\"cat\",1e300],[\"sofa\",2]])"},
      {classes, R"([[\"cat\",1.5],[\"sofa\",2]])"},
      {classes, R"([[\"cat\",2000000000],[\"sofa\",2]])"},
      {classes, R"([[\"cat\",9223372036854775807],[\"sofa\",2]])"},
      {classes, R"([[\"cat\",1],[\"sofa\",1]])"},
      {classes, std::string(100'000, '[')},
      {"san vocabulary 1", "san vocabulary 9"},
      {"\"rows\"", "\"none\""},
      {"\"classes\"", "\"x\""},
  };
  for (const auto& [before, now] : damages)
    EXPECT_THAT(said_of(before, now), AllOf(HasSubstr("words.safetensors"), Not(HasSubstr("json.exception"))))
        << now.substr(0, 60);
  EXPECT_EQ(said_of(classes, classes), "");
}

TEST_F(VocabularyFiles, OfTooManyValuesNameTheLimit) {
  std::string many = "[1";
  for (int i = 0; i < 1'000'000; ++i) many += ",1";
  EXPECT_THAT(said_of(R"([[\"cat\",1],[\"sofa\",2]])", many + "]"),
              AllOf(HasSubstr("more than the 1000000 that are read"), HasSubstr("SAN_LIMITS")));
}

}  // namespace
}  // namespace san::testing
