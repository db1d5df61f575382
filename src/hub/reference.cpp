#include "hub/reference.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace san {
namespace {

constexpr std::size_t kLongestReference = 2048, kLongestPlainName = 100;
constexpr std::string_view kForms =
    "expected hf:OWNER/REPO/FILE[@REVISION], https://HOST/PATH or file:///PATH";

bool visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "", "." or ".." between slashes.
bool has_odd_parts(std::string_view path) {
  for (;;) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

// What the hub's paths are made of; the rest of ASCII would have to be escaped.
bool hub_characters(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '+';
  });
}

struct Address {
  std::string scheme, host;  // in lower case
};

Address address_of(std::string_view url) {
  const auto colon = url.find("://");
  require(colon != std::string_view::npos && visible_ascii(url), "{}: no address; {}", printable(url, 200),
          kForms);
  std::string_view authority = url.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  require(authority.find_first_of("@\\") == std::string_view::npos,
          "an address with a user name or password in it; tokens are given by $HF_TOKEN");
  const auto bracket = authority.find(']');
  const auto port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return {lower(url.substr(0, colon)), lower(authority.substr(0, port))};
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") &&
          std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

Reference hub_reference(std::string_view text) {
  Reference r;
  r.kind = Reference::Kind::kHub;
  std::string_view rest = text.substr(3);
  r.revision = "main";
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    r.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  const auto first = rest.find('/');
  const auto second = first == std::string_view::npos ? first : rest.find('/', first + 1);
  require(second != std::string_view::npos && !has_odd_parts(rest) && hub_characters(rest), "{}: {}", text,
          kForms);
  require(!has_odd_parts(r.revision) && hub_characters(r.revision),
          "{}: the revision after @ is empty or has characters that no revision has", text);
  r.repository = rest.substr(0, second);
  r.file = rest.substr(second + 1);
  std::string revision = r.revision;
  // A branch such as refs/pr/1 is one component of the path.
  for (std::size_t i = revision.find('/'); i != std::string::npos; i = revision.find('/', i))
    revision.replace(i, 1, "%2F");
  r.url = fmt::format("{}/{}/resolve/{}/{}", hub_endpoint(), r.repository, revision, r.file);
  r.host = host_of(r.url);
  return r;
}

// An address as the hub's page of a file shows it, or as its download button has it.
std::optional<std::string> hub_form(std::string_view url) {
  const std::string prefix = hub_endpoint() + "/";
  if (!url.starts_with(prefix)) return std::nullopt;
  const std::string_view path = url.substr(prefix.size(), url.find_first_of("?#") - prefix.size());
  for (const std::string_view kind : {"/blob/", "/resolve/"}) {
    const auto at = path.find(kind);
    if (at == std::string_view::npos || std::ranges::count(path.substr(0, at), '/') != 1) continue;
    const std::string_view rest = path.substr(at + kind.size());
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) continue;
    return fmt::format("hf:{}/{}@{}", path.substr(0, at), rest.substr(slash + 1), rest.substr(0, slash));
  }
  return std::nullopt;
}

}  // namespace

bool looks_like_reference(std::string_view text) {
  return text.starts_with("hf:") || text.find("://") != std::string_view::npos;
}

Reference parse_reference(std::string_view text) {
  require(text.size() <= kLongestReference, "an address of {} characters; at most {} are read", text.size(),
          kLongestReference);
  require(visible_ascii(text), "an address with spaces, control or non-ASCII characters; {}", kForms);
  Reference r;
  if (text.starts_with("hf:")) {
    r = hub_reference(text);
  } else {
    const Address address = address_of(text);
    if (address.scheme == "file") {
      require(address.host.empty() || address.host == "localhost",
              "{}: a file of another machine; expected file:///PATH", text);
      r.kind = Reference::Kind::kFile;
    } else {
      require(address.scheme == "https" || (address.scheme == "http" && is_this_machine(address.host)),
              "{}: {} is not used to fetch models, for anyone on the way could change them; {}", text,
              address.scheme, kForms);
      require(!address.host.empty(), "{}: no host; {}", text, kForms);
    }
    r.url = text;
    r.host = host_of(text);
    if (r.kind == Reference::Kind::kUrl)
      if (const auto form = hub_form(text)) r = hub_reference(*form);
  }
  r.text = text;
  return r;
}

std::string hub_endpoint() {
  const char* const set = std::getenv("HF_ENDPOINT");
  std::string endpoint = set == nullptr || *set == '\0' ? "https://huggingface.co" : set;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  require(visible_ascii(endpoint) && (endpoint.starts_with("https://") || endpoint.starts_with("http://")),
          "$HF_ENDPOINT is no address: expected https://HOST or http://HOST:PORT");
  return endpoint;
}

std::string host_of(std::string_view url) {
  const std::string host = address_of(url).host;
  return host.empty() ? "this machine" : host;
}

bool is_private_way(std::string_view url) {
  const Address address = address_of(url);
  return address.scheme == "https" || is_this_machine(address.host);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestPlainName && !name.starts_with('.') &&
         std::ranges::all_of(name,
                             [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; });
}

std::string file_name_for(std::string_view name) {
  if (is_plain_name(name)) return std::string(name);
  std::string file = name.starts_with('.') ? "_" : "";
  for (const char c : name.substr(0, kLongestPlainName))
    if (c == '/')
      file += "--";
    else
      file += c == '.' || c == '-' || is_alphanumeric(c) ? c : '_';
  return file + "-" + Sha256().update(name).hex().substr(0, 8);
}

}  // namespace san
