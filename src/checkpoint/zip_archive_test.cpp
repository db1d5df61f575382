#include "checkpoint/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/test_zip.h"

namespace san {
namespace {

using test::error_of;
using test::hold;
using test::zip_of;
using test::ZipMember;
using testing::HasSubstr;

std::string text_of(const OwnedBytes& content) {
  return {reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()};
}

std::string read_error(const ZipMember& member, std::uint64_t limit = 1 << 20) {
  return error_of([&] { ZipArchive(hold(zip_of({member}))).read(member.name, limit); });
}

TEST(ZipArchive, ReadsStoredAndDeflatedEntries) {
  const std::string text(5000, 'x');
  const ZipArchive zip(hold(zip_of({{"a/stored", "hello"},
                                    {"a/deflated", text, true},
                                    {"a/zip64", "world", false, -1, 0, 0, true},
                                    {"empty", ""}},
                                   "a comment with PK\x05\x06 in it, longer than a directory end")));
  EXPECT_EQ(zip.entries().size(), 4u);
  EXPECT_EQ(text_of(zip.read("a/stored", 5)), "hello");
  EXPECT_EQ(text_of(zip.read("a/deflated", 5000)), text);
  EXPECT_EQ(text_of(zip.read("a/zip64", 5)), "world");
  EXPECT_EQ(text_of(zip.read("empty", 0)), "");
  EXPECT_TRUE(zip.is_stored("a/stored"));
  EXPECT_FALSE(zip.is_stored("a/deflated"));
}

TEST(ZipArchive, ContentOutlivesTheArchive) {
  OwnedBytes content;
  { content = ZipArchive(hold(zip_of({{"x", "still here"}}))).read("x", 100); }
  EXPECT_EQ(text_of(content), "still here");
}

TEST(ZipArchive, RefusesBombsAndLies) {
  const std::string zeros(1 << 20, '\0');
  EXPECT_THAT(read_error({"bomb", zeros, true}, 1000), HasSubstr("at most 1000"));
  EXPECT_THAT(read_error({"x", zeros, true, 1 << 19}), HasSubstr("does not decompress"));
  EXPECT_THAT(read_error({"x", "short", true, 500}), HasSubstr("does not decompress"));
  EXPECT_THAT(read_error({"x", "short", true, 1 << 20}), HasSubstr("claims"));
  EXPECT_THAT(read_error({"x", std::string(3 << 20, '\0'), true, 3ll << 30}, ~0ull), HasSubstr("claims"));
  EXPECT_THAT(read_error({"x", "abc", false, 2}), HasSubstr("two different sizes"));
  EXPECT_THAT(read_error({"x", "abc", false, -1, 1}), HasSubstr("encrypted"));
  EXPECT_THAT(read_error({"x", "abc", false, -1, 0, 12}), HasSubstr("method 12"));
  EXPECT_THAT(error_of([] { ZipArchive(hold(zip_of({{"x", "1"}, {"x", "2"}}))); }), HasSubstr("twice"));
  EXPECT_THAT(error_of([] { ZipArchive(hold(zip_of({{"x", "1"}}))).read("y", 9); }), HasSubstr("no \"y\""));
}

TEST(ZipArchive, NoticesDamage) {
  std::string file = zip_of({{"x", "content"}});
  file[file.find("content")] ^= 1;
  EXPECT_THAT(error_of([&] { ZipArchive(hold(file)).read("x", 100); }), HasSubstr("checksum"));
  std::string renamed = zip_of({{"x", "content"}});
  renamed[30] = 'y';
  EXPECT_THAT(error_of([&] { ZipArchive(hold(renamed)).read("x", 100); }), HasSubstr("another name"));
}

TEST(ZipArchive, EveryTruncationIsAnError) {
  const std::string file = zip_of({{"a", "some content"}, {"b", "and more"}});
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(error_of([&] { ZipArchive(hold(file.substr(0, size))); }), "") << size;
}

}  // namespace
}  // namespace san
