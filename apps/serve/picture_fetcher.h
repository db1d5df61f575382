#pragma once
#include <filesystem>
#include <string>

namespace san::serve {

/// Fetches pictures from one Label Studio and from nowhere else.
class PictureFetcher {
 public:
  /// `origin`: "http://host:8080"; empty: nothing is fetched. `token_file`: its access token, one line; may
  /// be empty. Throws Error.
  PictureFetcher(std::string origin, const std::filesystem::path& token_file, std::size_t most_bytes);

  /// The file at an address of that origin, or a path on it. Throws Refusal 422.
  std::string fetch(const std::string& address) const;

 private:
  std::string origin_, token_;
  std::size_t most_bytes_;
};

}  // namespace san::serve
