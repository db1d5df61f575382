#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace san {

/// A run's metrics.jsonl: lines are written whole or, where the disk has no room, later.
class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {}

  void append(const std::string& record);
  /// Writes what is pending; false where there is no room yet.
  bool flush();
  std::int64_t bytes() const;
  /// Forgets what was written behind the first `bytes`.
  void cut(std::int64_t bytes);
  void remove();

 private:
  std::filesystem::path path_;
  std::string pending_;
};

}  // namespace san
