#include "hub/reference.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"

namespace san {
namespace {

constexpr std::size_t kLongestReference = 2048;
constexpr std::string_view kForms =
    "expected hf:OWNER/REPO/FILE[@REVISION], https://HOST/PATH or file:///PATH";

bool plain(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

bool has_dots(std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == "." || part == ".." || part.empty()) return true;
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return false;
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host.starts_with("127.");
}

struct Parts {
  std::string scheme, host, port;
};

Parts split_url(std::string_view url) {
  const auto colon = url.find("://");
  require(colon != std::string_view::npos && plain(url), "not an address: {}", kForms);
  Parts parts;
  parts.scheme = url.substr(0, colon);
  std::string_view authority = url.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  require(authority.find('@') == std::string_view::npos,
          "an address with a user name or password in it: give tokens by $HF_TOKEN instead");
  const auto bracket = authority.find(']');
  const auto port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parts.host = authority.substr(0, port);
  if (port != std::string_view::npos) parts.port = authority.substr(port + 1);
  for (std::string* s : {&parts.scheme, &parts.host})
    std::ranges::transform(*s, s->begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (parts.port.empty()) parts.port = parts.scheme == "http" ? "80" : parts.scheme == "https" ? "443" : "";
  return parts;
}

// What the hub's paths are made of; the rest of ASCII would have to be escaped.
bool hub_characters(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/' || c == '+';
  });
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
  require(second != std::string_view::npos && !has_dots(rest) && hub_characters(rest), "{}: {}", text,
          kForms);
  require(!r.revision.empty() && !has_dots(r.revision) && hub_characters(r.revision),
          "{}: the revision after @ is empty or has characters that no revision has", text);
  r.repository = rest.substr(0, second);
  r.file = rest.substr(second + 1);
  const std::string endpoint = hub_endpoint();
  std::string revision = r.revision;
  // A branch such as refs/pr/1 is one component of the path.
  for (std::size_t i = revision.find('/'); i != std::string::npos; i = revision.find('/', i))
    revision.replace(i, 1, "%2F");
  r.url = fmt::format("{}/{}/resolve/{}/{}", endpoint, r.repository, revision, r.file);
  r.host = host_of(endpoint);
  return r;
}

}  // namespace

bool looks_like_reference(std::string_view text) {
  return text.starts_with("hf:") || text.find("://") != std::string_view::npos;
}

Reference parse_reference(std::string_view text) {
  require(text.size() <= kLongestReference, "an address of {} characters; at most {} are read", text.size(),
          kLongestReference);
  require(plain(text), "an address with spaces, control or non-ASCII characters: {}", kForms);
  Reference r;
  if (text.starts_with("hf:")) {
    r = hub_reference(text);
  } else {
    const Parts parts = split_url(text);
    r.url = text;
    if (parts.scheme == "file") {
      require(parts.host.empty() || parts.host == "localhost",
              "{}: a file of another machine; expected file:///PATH", text);
    } else {
      require(parts.scheme == "https" || (parts.scheme == "http" && is_this_machine(parts.host)),
              "{}: {} is not used to fetch models, for anyone on the way could change them; {}", text,
              parts.scheme, kForms);
      require(!parts.host.empty(), "{}: no host; {}", text, kForms);
    }
    r.host = host_of(r.url);
  }
  r.text = text;
  return r;
}

std::string hub_endpoint() {
  const char* const set = std::getenv("HF_ENDPOINT");
  std::string endpoint = set == nullptr || *set == '\0' ? "https://huggingface.co" : set;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  require(plain(endpoint) && (endpoint.starts_with("https://") || endpoint.starts_with("http://")),
          "$HF_ENDPOINT is no address: expected https://HOST or http://HOST:PORT");
  return endpoint;
}

std::string origin_of(const std::string& url) {
  const Parts parts = split_url(url);
  return fmt::format("{}://{}:{}", parts.scheme, parts.host, parts.port);
}

std::string host_of(const std::string& url) {
  const std::string host = split_url(url).host;
  return host.empty() ? "this machine" : host;
}

std::string resolve_url(const std::string& base, const std::string& location) {
  if (location.find("://") != std::string::npos && location.find("://") < location.find_first_of("/?#"))
    return location;
  const auto scheme = base.find("://");
  require(scheme != std::string::npos, "not an address: {}", kForms);
  if (location.starts_with("//")) return base.substr(0, scheme + 1) + location;
  const auto path = std::min(base.find_first_of("/?#", scheme + 3), base.size());
  if (location.starts_with('/')) return base.substr(0, path) + location;
  const std::string whole = base.substr(0, base.find_first_of("?#"));
  const auto folder = whole.rfind('/');
  return (folder < path ? whole + "/" : whole.substr(0, folder + 1)) + location;
}

std::string file_name_for(std::string_view text) {
  std::string name = text.starts_with('.') ? "_" : "";
  for (const char c : text)
    if (c == '/')
      name += "--";
    else
      name += c != ':' && hub_characters({&c, 1}) ? c : '_';
  return name;
}

}  // namespace san
