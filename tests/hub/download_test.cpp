#include "hub/fetch/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/hash.h"
#include "support/files.h"
#include "support/http_server.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using testing::answer_with_ranges;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpServer;
using ::testing::IsEmpty;
using ::testing::Not;
using Connection = HttpServer::Connection;
using Request = HttpServer::Request;

// Longer than what one write of a socket carries, so that parts of it arrive.
const std::string& content() {
  static const std::string bytes = [] {
    std::string s;
    for (std::uint64_t i = 0; s.size() < 300'000; ++i) s += static_cast<char>(splitmix64(i));
    return s;
  }();
  return bytes;
}

std::string sha256(std::string_view bytes) {
  return Sha256().update(bytes).hex();
}

std::string gzipped(std::string_view bytes) {
  z_stream z{};
  deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    // The machine's own proxies and certificates are not what is tested.
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
                             "NO_PROXY", "CURL_CA_BUNDLE", "SSL_CERT_FILE"})
      ::unsetenv(name);
  }
  ~DownloadTest() override { ::unsetenv("HF_ENDPOINT"); }

  void serve(HttpServer::Handler handler) {
    server_ = std::make_unique<HttpServer>(std::move(handler));
    ::setenv("HF_ENDPOINT", server_->address().c_str(), 1);
  }
  // A hub: HEAD tells the file's digest and size, GET redirects to the storage, here /blob.
  void serve_hub(HttpServer::Handler blob, std::string etag = sha256(content()),
                 std::size_t size = content().size()) {
    serve([=](const Request& r, Connection& c) {
      if (r.target == "/blob") return blob(r, c);
      c.answer(302,
               {"Location: /blob", "X-Linked-Etag: \"" + etag + "\"",
                "X-Linked-Size: " + std::to_string(size), "X-Repo-Commit: c0ffee"},
               "", r.method == "HEAD");
    });
  }
  DownloadRequest request(const std::string& reference = "hf:owner/repo/tiny.pth") const {
    DownloadRequest d;
    d.from = parse_reference(reference);
    d.target = folder_ / "file";
    d.patience.attempts = 3;
    d.patience.first_pause_s = 0.01;
    d.patience.stalled_s = 2;
    return d;
  }
  DownloadRequest address(const std::string& path = "/file.bin") const {
    return request(server_->address() + path);
  }
  std::string error_of(const DownloadRequest& d) const {
    try {
      download(d);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  int asked(const std::string& method, const std::string& target) const {
    const auto all = server_->requests();
    return static_cast<int>(std::ranges::count_if(
        all, [&](const Request& r) { return r.method == method && r.target == target; }));
  }
  void expect_arrived() const {
    EXPECT_EQ(testing::read_file(folder_ / "file"), content());
    EXPECT_THAT(testing::files_below(folder_.path()), ElementsAre("file", "file.state"));
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(DownloadTest, FromTheHubByItsDigest) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  DownloadRequest d = request();
  std::int64_t last = 0, total = 0;
  d.progress = [&](std::int64_t done, std::int64_t all) {
    EXPECT_GT(done, last);
    last = done, total = all;
  };
  const Downloaded got = download(d);
  EXPECT_EQ(got.sha256, sha256(content()));
  EXPECT_EQ(got.revision, "c0ffee");
  EXPECT_EQ(last, static_cast<std::int64_t>(content().size()));
  EXPECT_EQ(total, last);
  EXPECT_EQ(server_->requests()[0].target, "/owner/repo/resolve/main/tiny.pth");
  expect_arrived();
}

TEST_F(DownloadTest, GoesOnWhereTheConnectionBroke) {
  serve_hub([](const Request& r, Connection& c) {
    if (!r.header("range").empty()) return answer_with_ranges(r, c, content());
    c.answer(200, {"Content-Length: " + std::to_string(content().size())}, content().substr(0, 100'000));
  });
  download(request());
  EXPECT_EQ(server_->requests().back().header("range"), "bytes=100000-");
  expect_arrived();
}

TEST_F(DownloadTest, GoesOnInTheNextCall) {
  std::atomic<bool> stop = false;
  serve_hub([&](const Request& r, Connection& c) {
    if (!r.header("range").empty()) return answer_with_ranges(r, c, content());
    c.answer(200, {"Content-Length: " + std::to_string(content().size())}, content().substr(0, 50'000));
  });
  DownloadRequest d = request();
  d.progress = [&](std::int64_t, std::int64_t) { stop = true; };
  d.cancelled = [&] { return stop.load(); };
  EXPECT_THAT(error_of(d), HasSubstr("interrupted"));
  EXPECT_FALSE(fs::exists(folder_ / "file"));
  EXPECT_TRUE(fs::exists(folder_ / "file.part"));
  d.cancelled = {};
  download(d);
  EXPECT_TRUE(server_->requests().back().header("range").starts_with("bytes="));
  expect_arrived();
}

TEST_F(DownloadTest, WithoutADigestTheServerIsAskedWhetherItIsStillTheSameFile) {
  std::string etag = "\"one\"";
  serve([&](const Request& r, Connection& c) {
    const bool same = r.header("if-range").empty() || r.header("if-range") == etag;
    if (!r.header("range").empty() && same) return answer_with_ranges(r, c, content(), {"ETag: " + etag});
    const std::string_view all = content();
    // Breaks off half way the first time.
    c.answer(200, {"ETag: " + etag, "Content-Length: " + std::to_string(all.size())},
             etag == "\"one\"" ? all.substr(0, 150'000) : all);
    etag = "\"two\"";
  });
  download(address());
  EXPECT_EQ(asked("GET", "/file.bin"), 2);
  EXPECT_EQ(server_->requests().back().header("if-range"), "\"one\"");
  expect_arrived();
}

TEST_F(DownloadTest, WhatAnEarlierCallHadWholeIsCheckedAndNotFetchedAgain) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  download(request());
  EXPECT_EQ(download(request()).sha256, sha256(content()));
  EXPECT_EQ(asked("GET", "/blob"), 1);
  expect_arrived();
  // Without the hub's size and digest the server says that nothing follows, or sends what it has now.
  std::string now = content();
  serve([&](const Request& r, Connection& c) {
    const std::string etag = "\"" + sha256(now).substr(0, 8) + "\"";
    const bool same = r.header("if-range").empty() || r.header("if-range") == etag;
    if (same) return answer_with_ranges(r, c, now, {"ETag: " + etag});
    c.answer(200, {"ETag: " + etag}, now);
  });
  const DownloadRequest d = address();
  download(d);
  EXPECT_EQ(download(d).bytes, static_cast<std::int64_t>(content().size()));
  EXPECT_EQ(server_->requests().back().header("range"), "bytes=300000-");
  now += "more";
  EXPECT_EQ(download(d).sha256, sha256(now));
}

TEST_F(DownloadTest, ADamagedPartIsFetchedAnew) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  testing::write_file(folder_ / "file.part", "not the beginning");
  testing::write_file(folder_ / "file.state",
                      "{\"identity\":\"" + sha256(content()) + "\",\"validator\":\"\"}");
  download(request());
  expect_arrived();
}

TEST_F(DownloadTest, APartWhoseStateIsDamagedIsFetchedAnew) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  for (const char* state : {"", "{", "[]", "{\"identity\":3}"}) {
    testing::write_file(folder_ / "file.part", "not the beginning");
    testing::write_file(folder_ / "file.state", state);
    download(request());
    expect_arrived();
    fs::remove(folder_ / "file");
  }
}

TEST_F(DownloadTest, TheWrongFileIsRefusedByNameAndNotKept) {
  const std::string other = std::string(content().size(), 'x');
  serve_hub([&](const Request& r, Connection& c) { answer_with_ranges(r, c, other); });
  const std::string error = error_of(request());
  EXPECT_THAT(error, HasSubstr("hf:owner/repo/tiny.pth"));
  EXPECT_THAT(error, HasSubstr(sha256(other)));
  EXPECT_THAT(error, HasSubstr(sha256(content())));
  EXPECT_THAT(testing::files_below(folder_.path()), IsEmpty());
}

TEST_F(DownloadTest, AHubThatChangedItsFileIsNoticedBeforeFetching) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  DownloadRequest d = request();
  d.sha256 = std::string(64, 'a');
  d.sha256_source = "the lock file";
  EXPECT_THAT(error_of(d), HasSubstr("the lock file"));
  EXPECT_EQ(asked("GET", "/blob"), 0);
}

TEST_F(DownloadTest, LengthsThatDisagreeAreRefused) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); }, sha256(content()),
            1234);
  EXPECT_THAT(error_of(request()), HasSubstr("expected 1234"));
  EXPECT_FALSE(fs::exists(folder_ / "file"));
}

TEST_F(DownloadTest, AnAnswerThatEndsTooEarlyEveryTimeIsGivenUp) {
  serve([](const Request&, Connection& c) { c.answer(200, {"Content-Length: 1000"}, "short"); });
  EXPECT_THAT(error_of(address()), HasSubstr("after 3 attempts"));
  EXPECT_THAT(testing::files_below(folder_.path()), ElementsAre("file.part", "file.state"));
}

TEST_F(DownloadTest, PausesOn429And5xx) {
  int turn = 0;
  serve_hub([&](const Request& r, Connection& c) {
    ++turn;
    if (turn == 1) return c.answer(429, {"Retry-After: 0"}, "slow down");
    if (turn == 2) return c.answer(503, {}, "");
    answer_with_ranges(r, c, content());
  });
  download(request());
  EXPECT_EQ(turn, 3);
  expect_arrived();
}

TEST_F(DownloadTest, AServerThatAsksForTooLongAPauseIsGivenUp) {
  serve([](const Request&, Connection& c) { c.answer(429, {"Retry-After: 86400"}, ""); });
  EXPECT_THAT(error_of(address()), HasSubstr("86400 s"));
}

TEST_F(DownloadTest, WhatIsSaidOfAPauseIsWhyAndHowLong) {
  int turn = 0;
  serve([&](const Request& r, Connection& c) {
    if (++turn == 1) return c.answer(503, {"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"}, "");
    answer_with_ranges(r, c, content());
  });
  DownloadRequest d = address();
  std::vector<std::string> said;
  d.say = [&](const std::string& message) { said.push_back(message); };
  download(d);
  EXPECT_THAT(said, ElementsAre("127.0.0.1 answers with status 503; trying again in 0 s"));
}

TEST_F(DownloadTest, ErrorsSayWhatToDo) {
  struct Case {
    int status;
    const char* code;
    const char* words;
  };
  for (const Case& k :
       {Case{404, "EntryNotFound", "no file tiny.pth at revision main"},
        Case{404, "RevisionNotFound", "no revision main"}, Case{404, "RepoNotFound", "check the spelling"},
        Case{401, "RepoNotFound", "set $HF_TOKEN"}, Case{403, "GatedRepo", "accept its terms"},
        Case{401, "GatedRepo", "accept its terms"}, Case{410, "", "status 410"}}) {
    serve([&](const Request& r, Connection& c) {
      c.answer(k.status, {std::string("X-Error-Code: ") + k.code, "X-Error-Message: no\x1b[31m way"}, "",
               r.method == "HEAD");
    });
    const std::string error = error_of(request());
    EXPECT_THAT(error, HasSubstr(k.words)) << k.status << k.code;
    EXPECT_EQ(server_->requests().size(), 1u) << "asking again changes nothing";
    EXPECT_THAT(testing::files_below(folder_.path()), IsEmpty());
    for (const char c : error) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << k.code;
  }
}

TEST_F(DownloadTest, TheTokenGoesToItsHostAloneAndNowhereElse) {
  HttpServer elsewhere([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  serve([&](const Request& r, Connection& c) {
    c.answer(302,
             {"Location: " + elsewhere.address() + "/blob", "X-Linked-Etag: \"" + sha256(content()) + "\""},
             "", r.method == "HEAD");
  });
  DownloadRequest d = request();
  d.token = "hf_secret";
  download(d);
  for (const Request& r : server_->requests()) EXPECT_EQ(r.header("authorization"), "Bearer hf_secret");
  ASSERT_FALSE(elsewhere.requests().empty());
  for (const Request& r : elsewhere.requests()) EXPECT_EQ(r.header("authorization"), "");
}

TEST_F(DownloadTest, TheTokenDoesNotComeBackWithARedirectToItsHost) {
  std::string home;
  HttpServer elsewhere(
      [&](const Request&, Connection& c) { c.answer(302, {"Location: " + home + "/blob"}, ""); });
  serve([&](const Request& r, Connection& c) {
    if (r.target == "/blob") return answer_with_ranges(r, c, content());
    c.answer(302, {"Location: " + elsewhere.address(), "X-Linked-Etag: \"" + sha256(content()) + "\""}, "",
             r.method == "HEAD");
  });
  home = server_->address();
  DownloadRequest d = request();
  d.token = "hf_secret";
  download(d);
  EXPECT_EQ(server_->requests().back().target, "/blob");
  EXPECT_EQ(server_->requests().back().header("authorization"), "");
}

TEST_F(DownloadTest, ARenamedRepositoryIsFollowedToWhatItSays) {
  serve([](const Request& r, Connection& c) {
    const bool head = r.method == "HEAD";
    if (r.target == "/blob") return answer_with_ranges(r, c, content());
    if (r.target.starts_with("/owner/"))
      return c.answer(307, {"Location: /new" + r.target.substr(6)}, "", head);
    c.answer(302, {"Location: /blob", "X-Linked-Etag: \"" + sha256(content()) + "\""}, "", head);
  });
  DownloadRequest d = request();
  d.sha256 = std::string(64, 'b');
  d.sha256_source = "the test";
  EXPECT_THAT(error_of(d), HasSubstr("has another file")) << "the digest of the second answer is seen";
  d.sha256.clear();
  download(d);
  expect_arrived();
}

TEST_F(DownloadTest, TheTokenIsNeverPrinted) {
  serve([](const Request&, Connection& c) { c.answer(401, {}, ""); });
  DownloadRequest d = request();
  d.token = "hf_secret";
  EXPECT_THAT(error_of(d), Not(HasSubstr("hf_secret")));
}

TEST_F(DownloadTest, RedirectsEnd) {
  serve([](const Request& r, Connection& c) { c.answer(302, {"Location: " + r.target + "x"}, ""); });
  EXPECT_THAT(error_of(address("/a")), HasSubstr("redirects"));
  serve([](const Request&, Connection& c) { c.answer(302, {"Location: file:///etc/passwd"}, ""); });
  EXPECT_THAT(error_of(address("/a")), HasSubstr("not followed"));
  EXPECT_THAT(testing::files_below(folder_.path()), IsEmpty());
}

TEST_F(DownloadTest, CompressedAnswersAreUndone) {
  serve_hub(
      [](const Request&, Connection& c) { c.answer(200, {"Content-Encoding: gzip"}, gzipped(content())); });
  download(request());
  EXPECT_EQ(server_->requests().back().header("accept-encoding"), "identity");
  expect_arrived();
}

TEST_F(DownloadTest, AServerThatFallsSilentIsGivenUp) {
  std::atomic<bool> over = false;
  serve([&](const Request&, Connection& c) {
    c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    for (int i = 0; i < 400 && !over; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  DownloadRequest d = address();
  d.patience.attempts = 1;
  d.patience.stalled_s = 1;
  const std::string error = error_of(d);
  over = true;
  EXPECT_THAT(error, HasSubstr("what has arrived is kept"));
}

TEST_F(DownloadTest, AnEmptyFileAndOneWithoutALength) {
  serve([](const Request&, Connection& c) { c.answer(200, {}, ""); });
  EXPECT_EQ(download(address()).bytes, 0);
  fs::remove(folder_ / "file");
  serve([](const Request&, Connection& c) {
    c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  });
  EXPECT_EQ(download(address()).bytes, 5);
}

TEST_F(DownloadTest, AServerThatIgnoresRangesStartsOver) {
  int turn = 0;
  serve_hub([&](const Request&, Connection& c) {
    c.answer(200, {"Content-Length: " + std::to_string(content().size())},
             ++turn == 1 ? std::string_view(content()).substr(0, 99'999) : std::string_view(content()));
  });
  download(request());
  expect_arrived();
}

TEST_F(DownloadTest, AnotherPartThanAskedForIsNotTaken) {
  int turn = 0;
  serve_hub([&](const Request&, Connection& c) {
    if (++turn == 1)
      return c.answer(200, {"Content-Length: " + std::to_string(content().size())},
                      content().substr(0, 1000));
    if (turn == 2) return c.answer(206, {"Content-Range: bytes 5-9/300000"}, "01234");
    c.answer(200, {}, content());
  });
  download(request());
  expect_arrived();
}

TEST_F(DownloadTest, ThroughAProxy) {
  HttpServer proxy([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  serve([](const Request&, Connection& c) { c.answer(500, {}, ""); });
  ::setenv("http_proxy", proxy.address().c_str(), 1);
  download(address());
  ::unsetenv("http_proxy");
  EXPECT_EQ(proxy.requests().at(0).target, server_->address() + "/file.bin");
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(DownloadTest, HttpsGoesThroughItsProxyWithoutTheToken) {
  HttpServer proxy([](const Request&, Connection& c) { c.answer(403, {}, ""); });
  ::setenv("HTTPS_PROXY", proxy.address().c_str(), 1);
  DownloadRequest d = request();
  d.token = "hf_secret";
  d.patience.attempts = 1;
  EXPECT_THAT(error_of(d), HasSubstr("huggingface.co"));
  ::unsetenv("HTTPS_PROXY");
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].method, "CONNECT");
  EXPECT_EQ(proxy.requests()[0].target, "huggingface.co:443");
  EXPECT_EQ(proxy.requests()[0].header("authorization"), "");
}

TEST_F(DownloadTest, AFileOfThisMachine) {
  testing::write_file(folder_ / "source", content());
  DownloadRequest d = request("file://" + (folder_ / "source").string());
  EXPECT_EQ(download(d).sha256, sha256(content()));
  for (const std::string path : {"/nowhere/at/all", folder_.path().c_str(), "/dev/zero"}) {
    d.from = parse_reference("file://" + path);
    EXPECT_THAT(error_of(d), HasSubstr("no such file"));
  }
}

// A limit on the size of files, for the disk that the test cannot fill: the same code hears of both.
TEST_F(DownloadTest, AFullDiskIsSaidAndLeavesNothing) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100'000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string error = error_of(request());
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(error, HasSubstr("free some space"));
  EXPECT_THAT(testing::files_below(folder_.path()), IsEmpty());
}

TEST_F(DownloadTest, TooLargeForTheDiskIsSaidBeforeAnythingIsWritten) {
  serve([](const Request&, Connection& c) { c.answer(200, {"Content-Length: 60000000000"}, "x"); });
  const std::string error = error_of(address());
  EXPECT_THAT(error, ::testing::AnyOf(HasSubstr("MB free"), HasSubstr("after 3 attempts")));
  serve([](const Request&, Connection& c) { c.answer(200, {"Content-Length: 600000000000"}, "x"); });
  EXPECT_THAT(error_of(address()), HasSubstr("at most"));
}

TEST_F(DownloadTest, TheModelMadeOfItNeedsRoomToo) {
  serve_hub([](const Request& r, Connection& c) { answer_with_ranges(r, c, content()); });
  DownloadRequest d = request();
  const auto available = static_cast<double>(fs::space(folder_.path()).available);
  d.made_of_it = 4 * available / static_cast<double>(content().size());
  const std::string error = error_of(d);
  EXPECT_THAT(error, HasSubstr("for the download and the model made of it"));
  EXPECT_THAT(error, HasSubstr("MB free"));
  EXPECT_THAT(testing::files_below(folder_.path()), IsEmpty());
  d.made_of_it = 2;
  download(d);
  expect_arrived();
}

}  // namespace
}  // namespace san
