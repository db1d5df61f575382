#include "hub/fetch/answers.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/utf8.h"

namespace san {
namespace {

bool read_number(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

// The hub's own words, if it has any.
std::string said(const HttpResponse& response) {
  const std::string words = response.header("x-error-message");
  return words.empty() ? "" : " (it says: " + printable(words, 200) + ")";
}

}  // namespace

bool worth_another_try(long status) {
  return status == 408 || status == 425 || status == 429 || status / 100 == 5;
}

double pause_asked_s(const HttpResponse& response) {
  if (response.retry_after_s > 0 || response.status != 429) return response.retry_after_s;
  const std::string limits = response.header("ratelimit");
  const auto at = limits.find(";t=");
  if (at == std::string::npos) return 0;
  const std::string_view rest = std::string_view(limits).substr(at + 3);
  std::int64_t seconds = 0;
  return read_number(rest.substr(0, rest.find_first_of(";, ")), seconds) ? static_cast<double>(seconds) : 0;
}

void refuse(const Reference& from, const HttpResponse& response, bool with_token) {
  const std::string code = response.header("x-error-code");
  const bool hub = from.kind == Reference::Kind::kHub;
  const std::string page = hub ? hub_endpoint() + "/" + from.repository : "";
  switch (response.status) {
    case 401:
    case 403:
      if (code == "GatedRepo")
        fail(
            "{}: {} asks everyone to accept its terms first: do so at {} and set $HF_TOKEN to a token of "
            "that "
            "account{}",
            from.text, from.repository, page, said(response));
      if (with_token)
        fail("{}: {} does not accept the token in $HF_TOKEN for this file (status {}){}", from.text,
             from.host, response.status, said(response));
      fail("{}: {} asks who you are (status {}): {}{}", from.text, from.host, response.status,
           hub ? "the repository is private or does not exist; check its name, or set $HF_TOKEN"
               : "it cannot be fetched from there without an account",
           said(response));
    case 404:
      if (!hub) fail("{}: not there (status 404); check the address", from.text);
      if (code == "RevisionNotFound")
        fail("{}: {} has no revision {}; those it has are at {}", from.text, from.repository, from.revision,
             page);
      if (code == "EntryNotFound")
        fail("{}: {} has no file {} at revision {}; its files are listed at {}/tree/{}", from.text,
             from.repository, from.file, from.revision, page, from.revision);
      fail("{}: {} has no such file or repository (status 404); check the spelling, {}", from.text, from.host,
           with_token ? "and that the account of $HF_TOKEN may see it" : "or set $HF_TOKEN if it is private");
    default:
      fail("{}: {} answers with status {}{}", from.text, from.host, response.status, said(response));
  }
}

std::string sha256_in_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  const bool digest = etag.size() == 64 && std::ranges::all_of(etag, [](char c) {
                        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                      });
  return digest ? etag : "";
}

std::optional<ContentRange> content_range(const std::string& header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  const std::string_view text = std::string_view(header).substr(kUnit.size());
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, slash), total = text.substr(slash + 1);
  ContentRange range;
  if (part != "*") {
    const auto dash = part.find('-');
    const bool read = dash != std::string_view::npos && read_number(part.substr(0, dash), range.first) &&
                      read_number(part.substr(dash + 1), range.last);
    if (!read || range.last < range.first) return std::nullopt;
  }
  if (total != "*" && !read_number(total, range.total)) return std::nullopt;
  if (range.total >= 0 && range.last >= range.total) return std::nullopt;
  return range;
}

}  // namespace san
