#include "hub/fetch/download.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "hub/fetch/answers.h"
#include "hub/fetch/part_file.h"
#include "hub/fetch/transfer_failed.h"
#include "hub/fetch/url.h"

namespace san {
namespace {

// No model is near this; a server that sends without end is stopped here.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 36;
constexpr double kLongestOwnPause_s = 60;

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
    if (resumed && is_wrong(part)) {  // the part that was there may be what is wrong with it
      part.restart("");
      complete_ = false;
      get(part);
    }
    if (is_wrong(part)) {
      const std::int64_t bytes = part.bytes();
      part.remove();
      fail(
          "{}: what arrived is another file ({} bytes, SHA-256 {}); expected SHA-256 {} by {}. Nothing of it "
          "was kept",
          request_.from.text, bytes, part.sha256(), expected_.sha256, expected_.source);
    }
    part.finish();
    return {part.sha256(), expected_.revision, part.bytes()};
  }

 private:
  bool is_wrong(const PartFile& part) const {
    return !expected_.sha256.empty() && part.sha256() != expected_.sha256;
  }
  bool cancelled() const { return request_.cancelled && request_.cancelled(); }
  bool has_token() const { return !request_.token.empty(); }

  /// Asks the hub what the file is. It says so before it redirects to where the bytes are, at another host;
  /// a repository with a new name redirects first, at its own.
  void expect() {
    expected_ = {request_.sha256, request_.sha256_source, "", -1};
    if (request_.from.kind != Reference::Kind::kHub) return;
    const auto follow = [](const HttpResponse& r, const std::string& target) {
      return r.header("x-linked-etag").empty() && origin_of(r.url) == origin_of(target);
    };
    const HttpRequest question{request_.from.url, true, request_.token, {}};
    for (int attempt = 1;; ++attempt) {
      Failure failure;
      try {
        const HttpResponse r =
            client_.request(question, request_.patience, {{}, {}, request_.cancelled}, follow);
        if (r.has_content() || r.status / 100 == 3) return take(r);
        failure = refused(r);
      } catch (const TransferFailed& e) {
        failure.why = e.what();
      }
      pause(attempt, failure);
    }
  }

  void take(const HttpResponse& r) {
    expected_.revision = r.header("x-repo-commit");
    expected_.bytes = r.bytes("x-linked-size");
    const std::string linked = sha256_in_etag(r.header("x-linked-etag"));
    if (linked.empty()) return;
    require(expected_.sha256.empty() || expected_.sha256 == linked,
            "{}: {} now has another file there, SHA-256 {}; expected {} by {}", request_.from.text,
            request_.from.host, linked, expected_.sha256, expected_.source);
    if (expected_.sha256.empty()) expected_.source = request_.from.host;
    expected_.sha256 = linked;
  }

  struct Failure {
    std::string why;
    double asked_s = 0;  // the pause that the server wants
  };

  /// Throws Error where another try would not help.
  Failure refused(const HttpResponse& r) const {
    if (!worth_another_try(r.status)) refuse(request_.from, r, has_token());
    return {fmt::format("{} answers with status {}", request_.from.host, r.status), pause_asked_s(r)};
  }

  void pause(int attempt, const Failure& failure) {
    const Patience& p = request_.patience;
    require(attempt < p.attempts && request_.from.kind != Reference::Kind::kFile,
            "{}: {}; given up after {} attempts, what has arrived is kept", request_.from.text, failure.why,
            attempt);
    require(failure.asked_s <= p.longest_pause_s,
            "{}: {} and asks to come back in {:.0f} s; do, what has "
            "arrived is kept",
            request_.from.text, failure.why, failure.asked_s);
    const double own = p.first_pause_s * static_cast<double>(1 << std::min(attempt - 1, 10));
    const double seconds = std::max(std::min(own, kLongestOwnPause_s), failure.asked_s);
    if (request_.say) request_.say(fmt::format("{}; trying again in {:.0f} s", failure.why, seconds));
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    do {
      require(!cancelled(), "interrupted; what has arrived is kept, and the same command goes on from there");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    } while (std::chrono::steady_clock::now() < until);
  }

  void get(PartFile& part) {
    int attempt = 0;
    while (!complete_ && (expected_.bytes <= 0 || part.bytes() != expected_.bytes)) {
      const std::int64_t before = part.bytes();
      const Failure failure = transfer(part);
      if (complete_) return;
      attempt = part.bytes() > before ? 1 : attempt + 1;
      pause(attempt, failure);
    }
  }

  /// One GET of what is missing; sets complete_, or says why not.
  Failure transfer(PartFile& part) {
    HttpRequest ask{request_.from.url, false, request_.token, {}};
    const bool named = !expected_.sha256.empty();
    if (part.bytes() > 0 && (named || !part.validator().empty())) {
      ask.headers.push_back(fmt::format("Range: bytes={}-", part.bytes()));
      if (!named) ask.headers.push_back("If-Range: " + part.validator());
    }
    total_ = -1;
    HttpSink sink;
    sink.begin = [&](const HttpResponse& r) { begin(r, part); };
    sink.write = [&](std::span<const std::byte> data) { write(data, part); };
    sink.cancelled = request_.cancelled;
    try {
      const HttpResponse r = client_.request(ask, request_.patience, sink);
      if (r.has_content()) {
        complete_ = total_ < 0 || part.bytes() == total_;
        return {fmt::format("{} of {} bytes came", part.bytes(), total_), 0};
      }
      if (r.status == 416) {  // the range begins where the file ends, or the part is of a longer one
        const auto range = content_range(r.header("content-range"));
        complete_ = range && range->total == part.bytes();
        if (!complete_) part.restart("");
        return {"another length than before", 0};
      }
      return refused(r);
    } catch (const TransferFailed& e) {
      return {e.what(), 0};
    }
  }

  void begin(const HttpResponse& r, PartFile& part) {
    const std::string encoding = r.header("content-encoding");
    const bool encoded = !encoding.empty() && encoding != "identity";  // lengths are then not the file's
    std::int64_t total = -1;
    if (r.status == 206) {
      const auto range = content_range(r.header("content-range"));
      if (!range || range->first != part.bytes() || encoded) {
        part.restart("");
        throw TransferFailed(fmt::format("{}: another part than the one asked for", request_.from.host));
      }
      total = range->total;
    } else {
      // A weak validator does not tell byte for byte (RFC 9110 §13.1.5).
      const std::string etag = r.header("etag"), date = r.header("last-modified");
      part.restart(etag.empty() || etag.starts_with("W/") ? date : etag);
      if (!encoded) total = r.bytes("content-length");
    }
    require(total < 0 || expected_.bytes < 0 || total == expected_.bytes,
            "{}: {} sends {} bytes; expected {} by the hub's X-Linked-Size", request_.from.text,
            host_of(r.url), total, expected_.bytes);
    total_ = std::max(total, expected_.bytes);
    require(total_ <= kMostBytes, "{}: {} bytes; at most {} are fetched", request_.from.text, total_,
            kMostBytes);
    if (total_ >= 0) require_room(total_ - part.bytes());
  }

  /// For what is still to come and for the model made of it.
  void require_room(std::int64_t missing) const {
    const double needed = static_cast<double>(missing) + request_.made_of_it * static_cast<double>(total_);
    const std::string folder = request_.target.parent_path().string();
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    require(error || static_cast<double>(space.available) >= needed,
            "{}: needs {:.0f} MB more on the disk of {}{}, which has {} MB free; free some space or let "
            "$SAN_MODELS_DIR name a folder on another disk",
            request_.from.text, needed / 1e6, folder,
            request_.made_of_it > 0 ? ", for the download and the model made of it" : "",
            space.available / 1'000'000);
  }

  void write(std::span<const std::byte> data, PartFile& part) {
    const std::int64_t most = total_ >= 0 ? total_ : kMostBytes;
    require(part.bytes() + static_cast<std::int64_t>(data.size()) <= most, "{}: {} sends more than {} bytes",
            request_.from.text, request_.from.host, most);
    part.append(data);
    if (request_.progress) request_.progress(part.bytes(), total_);
  }

  const DownloadRequest& request_;
  HttpClient client_;
  Expected expected_;
  std::int64_t total_ = -1;
  bool complete_ = false;
};

}  // namespace

Downloaded download(const DownloadRequest& request) {
  return Download(request).run();
}

}  // namespace san
