#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "hub/fetch/http.h"
#include "hub/reference.h"

namespace san {

struct DownloadRequest {
  Reference from;
  std::string sha256;            ///< what the file has to be; empty: what the hub says, or unknown
  std::string sha256_source;     ///< who says so, for the error: "the list of known models", "…lock.json"
  std::filesystem::path target;  ///< appears whole or not at all; beside it TARGET.part and TARGET.state
  std::string token;             ///< sent to the hub's own origin alone
  double made_of_it = 0;         ///< bytes that will be written beside the file, for each of its own
  Patience patience;
  std::function<void(std::int64_t done, std::int64_t total)> progress;  ///< bytes; total −1: unknown
  std::function<void(const std::string& message)> say;                  ///< why there is a pause
  std::function<bool()> cancelled;
};

struct Downloaded {
  std::string sha256, revision;  ///< the hub's commit, where it tells
  std::int64_t bytes = 0;
};

/// Fetches one file: resumes what an earlier call left, tries again with growing pauses on failures of the
/// connection, 429 and 5xx, and checks length and SHA-256 (the given one, else the hub's X-Linked-Etag).
/// A file that an earlier call had whole is checked again, not fetched again.
/// Throws Error: refused, not there, wrong length, wrong content or disk full (then nothing is kept),
/// interrupted or given up (then what arrived is kept for the next call).
Downloaded download(const DownloadRequest& request);

}  // namespace san
