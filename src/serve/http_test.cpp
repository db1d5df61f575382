#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "serve/access.h"
#include "serve/answers.h"
#include "serve/chunks.h"
#include "serve/http_head.h"
#include "serve/multipart.h"

namespace san::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

/// The status that `action` refuses with; 0 when it does not.
template <class Action>
int refusal_of(Action action) {
  try {
    action();
    return 0;
  } catch (const Refusal& r) {
    return r.status();
  }
}

TEST(Head, IsParsed) {
  const HttpHead head = parse_head(
      "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Y:  two words \r\nAccept: a\r\naccept: b\r\nContent-Length: "
      "12\r\n\r\n");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a?b=c");
  EXPECT_EQ(head.headers.at("x-y"), "two words");
  EXPECT_EQ(head.headers.at("accept"), "a, b");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.has_body());
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(parse_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\nHost: x\nConnection: close\n\n").keep_alive);
  EXPECT_TRUE(parse_head("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n").chunked);
}

TEST(Head, EndsAtTheEmptyLine) {
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\r\nA: b\r\n\r\nbody"), 24u);
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\nA: b\n\nbody"), 21u);
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\r\nA: b\r\n\r"), std::nullopt);
  EXPECT_EQ(find_head_end(""), std::nullopt);
}

TEST(Head, IsNoLongerThanItMayBe) {
  const HeadLimits limits{64, 32, 3};
  EXPECT_EQ(refusal_of([&] { find_head_end(std::string(40, 'a'), limits); }), 414);
  EXPECT_EQ(refusal_of([&] { find_head_end("GET / HTTP/1.1\r\n" + std::string(40, 'a'), limits); }), 431);
  EXPECT_EQ(refusal_of([&] { find_head_end("G\nA:b\nA:b\nA:b\nA:b\n", limits); }), 431);
  const std::string line(20, 'a');
  EXPECT_EQ(refusal_of([&] { find_head_end(line + "\n" + line + "\n" + line + "\n" + line, limits); }), 431);
  EXPECT_EQ(find_head_end("G\nA:b\nA:b\nA:b\n\n", limits), 15u);
}

TEST(Head, WhatIsNoneIsRefused) {
  for (const char* text :
       {"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n"})
    EXPECT_EQ(refusal_of([&] { parse_head(text); }), 400) << text;
  EXPECT_EQ(refusal_of([] { parse_head("GET / HTTP/3.0\r\nHost: x\r\n\r\n"); }), 505);
}

TEST(Chunks, AreFollowedInAnyPieces) {
  const std::string body = "5\r\nabcde\r\na;x=y\r\n0123456789\r\n0\r\n\r\n";
  for (std::size_t size = 1; size <= body.size(); ++size) {
    ChunkWatch watch;
    for (std::size_t at = 0; at < body.size(); at += size) {
      EXPECT_FALSE(watch.complete());
      ASSERT_TRUE(watch.pass(body.substr(at, size))) << size;
    }
    EXPECT_TRUE(watch.complete());
    EXPECT_FALSE(watch.pass("x"));
  }
}

TEST(Chunks, DamageIsSeen) {
  for (const char* body : {"\r\n", "g\r\n", "-1\r\n", "123456789\r\n", "1\n", "1\r\r", "2\r\nab0",
                           "2\r\nab\r0", "0\r\nA: b\r\n", ";\r\n", "1;\n"}) {
    ChunkWatch watch;
    EXPECT_FALSE(watch.pass(body)) << body;
  }
  ChunkWatch watch;
  EXPECT_FALSE(watch.pass("1;" + std::string(1000, 'x')));
}

TEST(Form, PartsAreFound) {
  const std::string body =
      "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"\r\n"
      "Content-Type: image/png\r\n\r\n\x01--b\r\n\r\n--b\r\ncontent-disposition: form-data; "
      "NAME=x\r\n\r\n\r\n--b--\r\n";
  const auto parts = parse_form(body, "multipart/form-data; charset=x; boundary=\"b\"");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "image");
  EXPECT_EQ(parts[0].filename, "a \"b\".png");
  EXPECT_EQ(parts[0].type, "image/png");
  EXPECT_EQ(parts[0].content, "\x01--b\r\n");
  EXPECT_EQ(parts[1].name, "x");
  EXPECT_EQ(parts[1].content, "");
}

TEST(Form, WhatIsNoneIsRefused) {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n";
  for (const std::string& body :
       {std::string(), std::string("x--b"), "x" + part + "--b--", part, part + "--b", "xx" + part})
    EXPECT_EQ(refusal_of([&] { parse_form(body, "multipart/form-data; boundary=b"); }), 400) << body;
  EXPECT_EQ(refusal_of([&] { parse_form(part + "--b--", "multipart/form-data"); }), 400);
}

TEST(Form, WhatIsWrittenIsReadAgain) {
  const std::vector<AnswerPart> parts{{"a", "a.bin", "x/y", std::string("--san-\r\n\0", 9)},
                                      {"b", "b", "t/t", ""}};
  std::string boundary;
  const std::string body = write_multipart(parts, "seed", boundary);
  const auto read = parse_form(body, "multipart/form-data; boundary=" + boundary);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].content, parts[0].content);
  EXPECT_EQ(read[1].content, "");
  // A boundary that a part holds is not taken.
  std::string other;
  write_multipart({{"a", "a", "x/y", boundary}}, "seed", other);
  EXPECT_NE(boundary, other);
}

TEST(Answers, ComeAsTheClientWantsThem) {
  const AnswerPart png{"labels", "labels.png", "image/png", "\x89PNG"},
      json{"json", "r.json", "application/json", "{\"a\":1}"};
  EXPECT_EQ(parts_answer({png}, "").body, png.content);
  EXPECT_EQ(parts_answer({png}, "application/json, */*").type, "image/png");
  EXPECT_EQ(parts_answer({png}, "application/json").body,
            "{\"labels\":\"" + base64_encode(png.content) + "\"}\n");
  EXPECT_EQ(parts_answer({json}, "application/json").body, json.content);
  EXPECT_THAT(parts_answer({png, json}, "*/*").type, HasSubstr("multipart/mixed; boundary="));
  EXPECT_THAT(parts_answer({png, json}, "multipart/form-data").type,
              HasSubstr("multipart/form-data; boundary="));
  EXPECT_THAT(parts_answer({png, json}, "application/json").body, HasSubstr("\"json\":{\"a\":1}"));
}

TEST(Answers, ErrorsHaveOneForm) {
  const HttpAnswer answer = error_answer(Refusal(429, "too_many_requests", "wait", "field", 7));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body,
            "{\"error\":{\"status\":429,\"code\":\"too_many_requests\",\"message\":\"wait\",\"field\":"
            "\"field\"}}\n");
  EXPECT_THAT(answer.headers, ElementsAre(std::pair<std::string, std::string>("Retry-After", "7")));
}

TEST(Answers, WordsForStrangersHoldNoPathsAndNoAddresses) {
  EXPECT_EQ(public_words("/home/a/b.png: not an image"), "…: not an image");
  EXPECT_EQ(public_words("looked in /a/b, ../c and ~/d at 0x7fff12"), "looked in …, … and … at …");
  EXPECT_EQ(public_words("and/or, 1/2 of 10x3"), "and/or, 1/2 of 10x3");
  EXPECT_EQ(public_words("a\x1b[31m"), "a\\x1b[31m");
  EXPECT_LE(public_words(std::string(5000, 'a')).size(), 410u);
}

TEST(Answers, GzipOnlyWhereItIsAccepted) {
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("br, gzip;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0.000, br"));
  EXPECT_FALSE(accepts_gzip("deflate"));
  EXPECT_FALSE(accepts_gzip(""));
}

TEST(Rate, SoManyAtOnceAndSoManyOnTheAverage) {
  RateLimit limit(2, 3);
  const RateLimit::Clock::time_point start{};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.wait("a", start), 0);
  EXPECT_DOUBLE_EQ(limit.wait("a", start), 0.5);
  EXPECT_EQ(limit.wait("b", start), 0);
  EXPECT_EQ(limit.wait("a", start + 500ms), 0);
  EXPECT_GT(limit.wait("a", start + 500ms), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.wait("a", start + 1h), 0);
  EXPECT_GT(limit.wait("a", start + 1h), 0);
  for (int i = 0; i < 20000; ++i) limit.wait(std::to_string(i), start + 1h);
  EXPECT_EQ(RateLimit(0, 1).wait("a", start), 0);
}

TEST(Origin, PagesOfOthersAreNotAnswered) {
  HttpRequest r;
  r.headers = {{"host", "127.0.0.1:8080"}};
  EXPECT_TRUE(same_origin(r));
  r.headers["origin"] = "http://127.0.0.1:8080";
  EXPECT_TRUE(same_origin(r));
  for (const char* origin :
       {"http://127.0.0.1:8081", "http://evil", "null", "127.0.0.1:8080", "http://127.0.0.1:8080/"}) {
    r.headers["origin"] = origin;
    EXPECT_FALSE(same_origin(r)) << origin;
  }
  for (const char* host : {"localhost", "localhost:1", "127.0.0.1", "127.8.8.8:80", "[::1]", "[::1]:80"})
    EXPECT_TRUE(names_loopback(host)) << host;
  for (const char* host : {"localhost.evil", "127.0.0.1.evil", "128.0.0.1", "[::2]", "", "evil"})
    EXPECT_FALSE(names_loopback(host)) << host;
}

}  // namespace
}  // namespace san::serve
