#include "hub/fetch/url.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "hub/fetch/answers.h"

namespace san {
namespace {

TEST(Url, RedirectsAreResolvedAndStaySafe) {
  EXPECT_EQ(redirect_target("https://a/b/c?d", "https://x/y"), "https://x/y");
  EXPECT_EQ(redirect_target("https://a:1/b/c?d", "/y?z=%2F&w"), "https://a:1/y?z=%2F&w");
  EXPECT_EQ(redirect_target("https://a/b/c?d", "y"), "https://a/b/y");
  EXPECT_EQ(redirect_target("https://a/b/c", "//x/y"), "https://x/y");
  EXPECT_EQ(redirect_target("https://a", "y"), "https://a/y");
  EXPECT_EQ(redirect_target("http://a/b", "https://a/b"), "https://a/b");
  EXPECT_EQ(redirect_target("http://a/b", "http://x/b"), "http://x/b");
  for (const char* location :
       {"http://a/b", "file:///etc/passwd", "ftp://a/b", "javascript:x", "https://user:word@a/", "https://"})
    EXPECT_THROW(redirect_target("https://a/b", location), Error) << location;
}

TEST(Url, OriginsDifferBySchemeHostAndPort) {
  EXPECT_EQ(origin_of("HTTPS://Host/x"), "https://host:443");
  EXPECT_NE(origin_of("https://host/x"), origin_of("http://host:443/x"));
  EXPECT_NE(origin_of("https://host/x"), origin_of("https://host:444/x"));
  EXPECT_NE(origin_of("https://host/x"), origin_of("https://host.evil/x"));
  EXPECT_EQ(path_of_file_url("file:///a%20b"), "/a b");
}

TEST(Answers, RangesAreReadAndNonsenseIsNot) {
  const auto part = content_range("bytes 5-9/20");
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->first, 5);
  EXPECT_EQ(part->last, 9);
  EXPECT_EQ(part->total, 20);
  EXPECT_EQ(content_range("bytes 5-9/*")->total, -1);
  EXPECT_EQ(content_range("bytes */20")->first, -1);
  EXPECT_EQ(content_range("bytes */20")->total, 20);
  for (const char* text : {"", "bytes", "bytes 5-9", "bytes 9-5/20", "bytes 5-20/20", "bytes -1-9/20",
                           "bytes 5-99999999999999999999/20", "items 5-9/20", "bytes a-b/c"})
    EXPECT_FALSE(content_range(text).has_value()) << text;
}

TEST(Answers, APauseIsAskedForInTwoWays) {
  HttpResponse r;
  r.status = 429;
  EXPECT_EQ(pause_asked_s(r), 0);
  r.headers["ratelimit"] = "\"resolvers\";r=0;t=87";
  EXPECT_EQ(pause_asked_s(r), 87);
  r.retry_after_s = 5;
  EXPECT_EQ(pause_asked_s(r), 5);
  r.retry_after_s = 0;
  for (const char* text : {"", "t=5", ";t=", ";t=-5", ";t=x", ";t=99999999999999999999"}) {
    r.headers["ratelimit"] = text;
    EXPECT_EQ(pause_asked_s(r), 0) << text;
  }
  r.headers["ratelimit"] = "\"resolvers\";r=5;t=87";
  r.status = 503;
  EXPECT_EQ(pause_asked_s(r), 0);
}

TEST(Answers, DigestsAreToldFromOtherTags) {
  const std::string digest(64, 'a');
  EXPECT_EQ(sha256_in_etag("\"" + digest + "\""), digest);
  EXPECT_EQ(sha256_in_etag("W/\"" + digest + "\""), digest);
  for (const std::string& text : {std::string(40, 'a'), std::string(64, 'g'), std::string(), digest + "-2"})
    EXPECT_EQ(sha256_in_etag(text), "") << text;
}

}  // namespace
}  // namespace san
