#include "hub/fetch/download.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "hub/fetch/answers.h"
#include "hub/fetch/part_file.h"
#include "hub/fetch/transfer_failed.h"

namespace san {
namespace {

// No model is near this; a server that sends without end is stopped here.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 36;

/// What is known of the file before its first byte.
struct Expected {
  std::string sha256, source, revision;
  std::int64_t bytes = -1;
};

class Download {
 public:
  explicit Download(const DownloadRequest& request) : request_(request) {}

  Downloaded run() {
    expect();
    // A known digest names the file; otherwise the address does, and the server's validator must still hold.
    PartFile part(request_.target, expected_.sha256.empty() ? request_.from.url : expected_.sha256);
    const bool resumed = part.bytes() > 0;
    get(part);
    Downloaded result{part.sha256(), expected_.revision, part.bytes()};
    if (resumed && !expected_.sha256.empty() && result.sha256 != expected_.sha256) {
      // What an earlier call left may be what is wrong with it.
      part.restart("");
      complete_ = false;
      get(part);
      result = {part.sha256(), expected_.revision, part.bytes()};
    }
    if (!expected_.sha256.empty() && result.sha256 != expected_.sha256) {
      part.remove();
      fail("{}: what arrived is another file ({} bytes, SHA-256 {}); expected SHA-256 {} by {}. Nothing of it was kept",
           request_.from.text, result.bytes, result.sha256, expected_.sha256, expected_.source);
    }
    part.finish();
    return result;
  }

 private:
  bool cancelled() const { return request_.cancelled && request_.cancelled(); }

  void expect() {
    expected_.sha256 = request_.sha256;
    expected_.source = request_.sha256_source;
    if (request_.from.kind != Reference::Kind::kHub) return;
    const HttpResponse r = retried([&] {
      return http_request({request_.from.url, true, request_.token, {}}, request_.patience,
                          {{}, {}, request_.cancelled}, false);
    });
    expected_.revision = r.header("x-repo-commit");
    const std::string size = r.header("x-linked-size");
    std::from_chars(size.data(), size.data() + size.size(), expected_.bytes);
    const std::string linked = sha256_in_etag(r.header("x-linked-etag"));
    if (linked.empty()) return;
    require(expected_.sha256.empty() || expected_.sha256 == linked,
            "{}: {} now has another file there, SHA-256 {}; expected {} by {}", request_.from.text,
            request_.from.host, linked, expected_.sha256, expected_.source);
    if (expected_.sha256.empty()) expected_.source = request_.from.host;
    expected_.sha256 = linked;
  }

  /// Asks until there is an answer that is final, or throws.
  template <class Ask>
  HttpResponse retried(Ask&& ask) {
    for (int attempt = 1;; ++attempt) {
      try {
        HttpResponse r = ask();
        if (r.status == 0 || r.status / 100 == 2 || r.status / 100 == 3) return r;
        if (!worth_another_try(r.status)) refuse(request_.from, r, !request_.token.empty());
        pause(attempt, fmt::format("status {}", r.status), retry_after_s(r));
      } catch (const TransferFailed& e) {
        pause(attempt, e.what(), -1);
      }
    }
  }

  void pause(int attempt, const std::string& why, double asked_s) {
    const Patience& p = request_.patience;
    require(attempt < p.attempts, "{}: {} after {} attempts; try again later, what has arrived is kept",
            request_.from.text, why, attempt);
    require(asked_s <= p.longest_pause_s, "{}: {} asks to come back in {:.0f} s ({}); what has arrived is kept",
            request_.from.text, request_.from.host, asked_s, why);
    const double own = std::min(60.0, p.first_pause_s * static_cast<double>(1 << std::min(attempt - 1, 10)));
    const double seconds = std::max(own, asked_s);
    log::info("{}: {}; trying again in {:.0f} s", request_.from.host, why, seconds);
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < until) {
      require(!cancelled(), "interrupted; what has arrived is kept, and the same command goes on from there");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  bool done(const PartFile& part) const { return complete_ || (expected_.bytes > 0 && part.bytes() == expected_.bytes); }

  void begin(const HttpResponse& r, PartFile& part) {
    std::int64_t total = -1;
    if (r.status == 206) {
      const auto range = content_range(r.header("content-range"));
      if (!range || range->first != part.bytes()) {
        part.restart("");
        throw TransferFailed(fmt::format("{}: another part than the one asked for", request_.from.host));
      }
      total = range->total;
    } else {
      const std::string etag = r.header("etag"), date = r.header("last-modified");
      part.restart(etag.empty() || etag.starts_with("W/") ? date : etag);
      const std::string encoding = r.header("content-encoding");
      if (encoding.empty() || encoding == "identity") total = r.length();
    }
    require(total < 0 || expected_.bytes < 0 || total == expected_.bytes,
            "{}: {} sends {} bytes; expected {} by the hub's X-Linked-Size", request_.from.text, host_of(r.url), total,
            expected_.bytes);
    total_ = std::max(total, expected_.bytes);
    require(total_ <= kMostBytes, "{}: {} bytes; at most {} are fetched", request_.from.text, total_, kMostBytes);
    std::error_code error;
    const auto space = std::filesystem::space(request_.target.parent_path(), error);
    require(error || total_ < 0 || static_cast<std::int64_t>(space.available) >= total_ - part.bytes(),
            "{}: needs {} MB more on the disk of {}, which has {} MB free; free some space or let $SAN_MODELS_DIR name "
            "a folder on another disk",
            request_.from.text, (total_ - part.bytes()) / 1'000'000, request_.target.parent_path().string(),
            space.available / 1'000'000);
  }

  void get(PartFile& part) {
    int attempt = 0;
    while (!done(part)) {
      const std::int64_t before = part.bytes();
      HttpRequest ask{request_.from.url, false, request_.token, {}};
      const bool resumable = part.bytes() > 0 && (!expected_.sha256.empty() || !part.validator().empty());
      if (resumable) {
        ask.headers.push_back(fmt::format("Range: bytes={}-", part.bytes()));
        if (expected_.sha256.empty()) ask.headers.push_back("If-Range: " + part.validator());
      }
      std::string why;
      double asked_s = -1;
      try {
        HttpSink sink;
        sink.begin = [&](const HttpResponse& r) { begin(r, part); };
        sink.write = [&](std::span<const std::byte> data) {
          part.append(data);
          require(part.bytes() <= kMostBytes, "{}: more than {} bytes", request_.from.text, kMostBytes);
          if (request_.progress) request_.progress(part.bytes(), total_);
        };
        sink.cancelled = request_.cancelled;
        total_ = -1;
        const HttpResponse r = http_request(ask, request_.patience, sink);
        if (r.status == 0 || r.status / 100 == 2) {
          if (total_ < 0 || part.bytes() == total_) {
            complete_ = true;
            return;
          }
          why = fmt::format("{} of {} bytes", part.bytes(), total_);
        } else if (r.status == 416) {
          part.restart("");
          why = "status 416";
        } else {
          if (!worth_another_try(r.status)) refuse(request_.from, r, !request_.token.empty());
          why = fmt::format("status {}", r.status);
          asked_s = retry_after_s(r);
        }
      } catch (const TransferFailed& e) {
        why = e.what();
      }
      attempt = part.bytes() > before ? 1 : attempt + 1;
      pause(attempt, why, asked_s);
    }
  }

  const DownloadRequest& request_;
  Expected expected_;
  std::int64_t total_ = -1;
  bool complete_ = false;
};

}  // namespace

Downloaded download(const DownloadRequest& request) {
  return Download(request).run();
}

}  // namespace san
