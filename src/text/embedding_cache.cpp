#include "text/embedding_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"

namespace san {
namespace {

namespace fs = std::filesystem;

// One file per scope: reading a vocabulary of a thousand names is one read, and one fsync writes it. A writer
// takes a lock, merges what others wrote meanwhile and renames the whole into place, so readers need no lock
// and never see a part. Records have a fixed size and a checksum of their own: a damaged one does not take
// the others with it.
//
// File: magic, then records of: key (SHA-256, hexadecimal), floats, FNV-1a of both. Native byte order.
constexpr std::string_view kMagic = "san-embeddings-1\n";
constexpr std::size_t kKeyBytes = 64, kChecksumBytes = sizeof(std::uint64_t);

class Records {
 public:
  Records(std::string_view file, int dim)
      : record_bytes_(kKeyBytes + static_cast<std::size_t>(dim) * sizeof(float) + kChecksumBytes) {
    if (!file.starts_with(kMagic)) return;
    for (std::size_t at = kMagic.size(); at + record_bytes_ <= file.size(); at += record_bytes_) {
      const std::string_view record = file.substr(at, record_bytes_);
      if (record.substr(record_bytes_ - kChecksumBytes) == checksum(record)) put(std::string(record));
    }
  }

  std::optional<std::vector<float>> find(const std::string& key) const {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    std::vector<float> values((record_bytes_ - kKeyBytes - kChecksumBytes) / sizeof(float));
    std::memcpy(values.data(), records_[found->second].data() + kKeyBytes, values.size() * sizeof(float));
    return values;
  }

  void add(const std::string& key, std::span<const float> values) {
    std::string record = key;
    record.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    record.resize(record_bytes_);
    put(record.replace(record_bytes_ - kChecksumBytes, kChecksumBytes, checksum(record)));
  }

  void write(const fs::path& path, std::size_t max_bytes) const {
    const std::size_t kept = std::min(records_.size(), max_bytes / record_bytes_);
    AtomicFile file(path);
    file.write(kMagic);
    for (std::size_t i = records_.size() - kept; i < records_.size(); ++i) file.write(records_[i]);
    file.commit();
  }

 private:
  static std::string checksum(std::string_view record) {
    const std::uint64_t sum = fnv1a64(record.substr(0, record.size() - kChecksumBytes));
    return {reinterpret_cast<const char*>(&sum), sizeof sum};
  }

  void put(std::string record) {
    const auto [found, added] = index_.try_emplace(record.substr(0, kKeyBytes), records_.size());
    if (added)
      records_.push_back(std::move(record));
    else
      records_[found->second] = std::move(record);
  }

  std::size_t record_bytes_;
  std::vector<std::string> records_;  // oldest first
  std::unordered_map<std::string, std::size_t> index_;
};

/// Holds the lock file of `path` while alive. Where the file system has no locks a concurrent writer's
/// entries may get lost, no more.
class WriteLock {
 public:
  explicit WriteLock(fs::path path)
      : fd_(::open((path += ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    if (fd_ >= 0) ::flock(fd_, LOCK_EX);
  }
  ~WriteLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  int fd_;
};

std::string scope_hash(const EmbeddingScope& scope) {
  Sha256 hash;
  hash.update(fmt::format("{}\n{}\n{}\n", scope.model_hash, scope.tokenizer_hash, scope.dim));
  for (const std::string& text : scope.templates) hash.update(fmt::format("{} {}\n", text.size(), text));
  return hash.hex();
}

std::string name_key(const std::string& scope, const std::string& name) {
  return Sha256().update(scope).update(name).hex();
}

fs::path scope_path(const fs::path& directory, const std::string& scope) {
  return directory / (scope.substr(0, 32) + ".embeddings");
}

/// The file's content, empty when it cannot be read.
std::string content_of(const fs::path& path, std::size_t limit_bytes) {
  try {
    std::error_code none;
    return fs::exists(path, none) ? read_text_file(path, limit_bytes) : std::string();
  } catch (const Error& error) {
    log::debug("text embedding cache: {}", error.what());
    return {};
  }
}

}  // namespace

fs::path EmbeddingCache::default_directory() {
  const auto variable = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (fs::path path = variable("SAN_CACHE_DIR"); !path.empty()) return path;
  if (const fs::path path = variable("XDG_CACHE_HOME"); !path.empty()) return path / "san";
  if (const fs::path path = variable("HOME"); !path.empty()) return path / ".cache" / "san";
  return {};
}

EmbeddingCache::EmbeddingCache(fs::path directory, std::size_t max_bytes)
    : directory_(std::move(directory)), max_bytes_(max_bytes) {}

std::map<std::string, std::vector<float>> EmbeddingCache::load(const EmbeddingScope& scope,
                                                               std::span<const std::string> names) const {
  std::map<std::string, std::vector<float>> found;
  if (directory_.empty()) return found;
  const std::string hash = scope_hash(scope);
  const Records records(content_of(scope_path(directory_, hash), max_bytes_ + kMagic.size()), scope.dim);
  for (const std::string& name : names)
    if (auto values = records.find(name_key(hash, name))) found.emplace(name, std::move(*values));
  return found;
}

void EmbeddingCache::store(const EmbeddingScope& scope,
                           const std::map<std::string, std::vector<float>>& embeddings) {
  if (directory_.empty() || embeddings.empty()) return;
  for (const auto& [name, values] : embeddings)
    require(values.size() == static_cast<std::size_t>(scope.dim),
            "embedding cache: '{}' has {} values, expected {}", name, values.size(), scope.dim);
  const std::string hash = scope_hash(scope);
  try {
    fs::create_directories(directory_);
    const fs::path path = scope_path(directory_, hash);
    const WriteLock lock(path);
    Records records(content_of(path, max_bytes_ + kMagic.size()), scope.dim);
    for (const auto& [name, values] : embeddings) records.add(name_key(hash, name), values);
    records.write(path, max_bytes_);
  } catch (const std::exception& error) {  // Error, filesystem_error
    warn_once(error.what());
  }
}

void EmbeddingCache::warn_once(const char* reason) {
  if (std::exchange(warned_, true)) return;
  log::warn("text embeddings cannot be kept in {} and will be computed anew next time: {}",
            directory_.string(), reason);
}

}  // namespace san
