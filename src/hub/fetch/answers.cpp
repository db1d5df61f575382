#include "hub/fetch/answers.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace san {
namespace {

bool read_number(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

std::string said(const HttpResponse& response) {
  const std::string own = response.header("x-error-message");
  return own.empty() ? "" : " (it says: " + own.substr(0, 200) + ")";
}

}  // namespace

bool worth_another_try(long status) {
  return status == 408 || status == 425 || status == 429 || status / 100 == 5;
}

double retry_after_s(const HttpResponse& response) {
  std::int64_t seconds = 0;
  return read_number(response.header("retry-after"), seconds) ? static_cast<double>(seconds) : -1;
}

void refuse(const Reference& from, const HttpResponse& response, bool with_token) {
  const std::string code = response.header("x-error-code");
  const bool hub = from.kind == Reference::Kind::kHub;
  switch (response.status) {
    case 401:
    case 403:
      if (code == "GatedRepo")
        fail("{}: {} asks everyone to accept its terms first: do so at {}/{} and set $HF_TOKEN to a token of that account{}",
             from.text, from.repository, hub_endpoint(), from.repository, said(response));
      if (with_token)
        fail("{}: {} does not accept the token in $HF_TOKEN for this file (status {}){}", from.text, from.host,
             response.status, said(response));
      fail("{}: {} asks who you are (status {}): {}{}", from.text, from.host, response.status,
           hub ? "the repository is private or does not exist; check its name, or set $HF_TOKEN" : "it cannot be fetched",
           said(response));
    case 404:
      if (!hub) fail("{}: not there (status 404); check the address", from.text);
      if (code == "RevisionNotFound")
        fail("{}: {} has no revision {}", from.text, from.repository, from.revision);
      if (code == "EntryNotFound")
        fail("{}: {} has no file {} at revision {}; its files are listed at {}/{}/tree/{}", from.text, from.repository,
             from.file, from.revision, hub_endpoint(), from.repository, from.revision);
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
  const auto dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  ContentRange range;
  const bool read = read_number(text.substr(0, dash), range.first) &&
                    read_number(text.substr(dash + 1, slash - dash - 1), range.last);
  if (!read || range.last < range.first) return std::nullopt;
  if (text.substr(slash + 1) != "*" && !read_number(text.substr(slash + 1), range.total)) return std::nullopt;
  return range;
}

}  // namespace san
