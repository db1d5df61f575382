#include "picture_fetcher.h"

#include <httplib.h>

#include <algorithm>

#include "base/error.h"
#include "base/input_file.h"
#include "serve/refusal.h"

namespace san::serve {
namespace {

constexpr const char* kNotFetched = "picture_not_fetched";

bool is_clean(std::string_view path) {
  return std::ranges::all_of(path, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

}  // namespace

PictureFetcher::PictureFetcher(std::string origin, const std::filesystem::path& token_file,
                               std::size_t most_bytes)
    : origin_(std::move(origin)), most_bytes_(most_bytes) {
  while (origin_.ends_with('/')) origin_.pop_back();
  const std::size_t host = origin_.find("://");
  require(origin_.empty() || ((origin_.starts_with("http://") || origin_.starts_with("https://")) &&
                              origin_.find('/', host + 3) == std::string::npos && is_clean(origin_)),
          "--label-studio-url {}: expected http://HOST:PORT or https://HOST", origin_);
  if (token_file.empty()) return;
  constexpr std::uint64_t kMostBytes = 4096;
  token_ = read_file(token_file, kMostBytes).text();
  while (!token_.empty() && static_cast<unsigned char>(token_.back()) <= ' ') token_.pop_back();
  require(!token_.empty() && is_clean(token_), "{}: expected one access token", token_file.string());
}

std::string PictureFetcher::fetch(const std::string& address) const {
  constexpr int kPatience_s = 10;
  expect(!origin_.empty(), 422, kNotFetched, "tasks",
         "this service fetches no pictures: --label-studio-url says where from, or the task holds a data: "
         "address");
  std::string path = address;
  if (path.starts_with(origin_ + "/")) path.erase(0, origin_.size());
  expect(path.starts_with('/') && !path.starts_with("//") && is_clean(path), 422, kNotFetched, "tasks",
         "pictures are fetched from the Label Studio of this service alone");
  httplib::Client client(origin_);
  client.set_connection_timeout(kPatience_s);
  client.set_read_timeout(kPatience_s);
  client.set_follow_location(false);
  httplib::Headers headers;
  if (!token_.empty()) headers.emplace("Authorization", "Token " + token_);
  std::string file;
  bool fits = true;
  const httplib::Result result = client.Get(path, headers, [&](const char* data, std::size_t size) {
    fits = file.size() + size <= most_bytes_;
    if (fits) file.append(data, size);
    return fits;
  });
  expect(fits, 422, kNotFetched, "tasks", "a picture of more than {} bytes", most_bytes_);
  expect(bool(result), 422, kNotFetched, "tasks", "Label Studio did not give the picture: {}",
         httplib::to_string(result.error()));
  expect(result->status == 200, 422, kNotFetched, "tasks",
         "Label Studio did not give the picture: HTTP status {}", result->status);
  return file;
}

}  // namespace san::serve
