#include "text/embedding_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <unordered_map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"

namespace san {
namespace {

namespace fs = std::filesystem;

// One file per scope: reading a vocabulary of a thousand names is one read. Records have a fixed size and a
// checksum of their own: a damaged one does not take the others with it, and one that is still being written
// counts as missing, so that readers need no lock. A writer takes a lock and appends, which costs what it
// adds however much is there; only a file that is full, or no longer ours, is written anew and renamed into
// place.
//
// File: magic, then records of: key (SHA-256, hexadecimal), floats, FNV-1a of both. Native byte order. Of
// records with one key the last counts.
constexpr std::string_view kMagic = "san-embeddings-1\n";
constexpr std::size_t kKeyBytes = 64, kChecksumBytes = sizeof(std::uint64_t);

std::size_t record_bytes(int dim) {
  return kKeyBytes + static_cast<std::size_t>(dim) * sizeof(float) + kChecksumBytes;
}

std::string checksum(std::string_view record) {
  const std::uint64_t sum = fnv1a64(record.substr(0, record.size() - kChecksumBytes));
  return {reinterpret_cast<const char*>(&sum), sizeof sum};
}

std::string make_record(const std::string& key, std::span<const float> values) {
  std::string record = key;
  record.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  record.resize(record.size() + kChecksumBytes);
  return record.replace(record.size() - kChecksumBytes, kChecksumBytes, checksum(record));
}

/// Calls visit(key, record) for the whole records of a file, oldest first; not all may be sound.
template <class Visit>
void visit_records(std::string_view file, int dim, const Visit& visit) {
  if (!file.starts_with(kMagic)) return;
  const std::size_t bytes = record_bytes(dim);
  for (std::size_t at = kMagic.size(); at + bytes <= file.size(); at += bytes)
    visit(file.substr(at, kKeyBytes), file.substr(at, bytes));
}

bool sound(std::string_view record) {
  return record.ends_with(checksum(record));
}

/// The file anew: what is sound in `file` and then `added`, the oldest left out so that a quarter of
/// `max_bytes` is free to be appended to.
void rewrite(const fs::path& path, std::string_view file, std::span<const std::string> added, int dim,
             std::size_t max_bytes) {
  std::unordered_map<std::string_view, std::size_t> index;
  std::vector<std::string_view> records;
  const auto put = [&](std::string_view key, std::string_view record) {
    if (!sound(record)) return;
    const auto [found, fresh] = index.try_emplace(key, records.size());
    if (fresh)
      records.push_back(record);
    else
      records[found->second] = record;
  };
  visit_records(file, dim, put);
  for (const std::string& record : added) put(std::string_view(record).substr(0, kKeyBytes), record);
  const std::size_t most = max_bytes / record_bytes(dim), kept = std::min(records.size(), most - most / 4);
  AtomicFile out(path);
  out.write(kMagic);
  for (std::size_t i = records.size() - kept; i < records.size(); ++i) out.write(records[i]);
  out.commit();
}

/// Appends to a file of ours. What an interrupted writer left of a record goes.
void append(const fs::path& path, std::span<const std::string> added, int dim) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  require(fd >= 0, "{}: cannot open: {}", path.string(), std::strerror(errno));
  const std::unique_ptr<const int, void (*)(const int*)> guard(&fd, [](const int* f) { ::close(*f); });
  const std::size_t size = fs::file_size(path);
  const std::size_t end = size - (size - kMagic.size()) % record_bytes(dim);
  std::string bytes;
  for (const std::string& record : added) bytes += record;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(end + done));
    require(wrote > 0 || errno == EINTR, "{}: cannot write: {}", path.string(), std::strerror(errno));
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
  require(::fdatasync(fd) == 0, "{}: cannot write to disk: {}", path.string(), std::strerror(errno));
}

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

bool begins_with_magic(const fs::path& path) {
  std::string begin(kMagic.size(), '\0');
  std::ifstream in(path, std::ios::binary);
  return in.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == kMagic;
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
  std::unordered_map<std::string, const std::string*> wanted;
  for (const std::string& name : names) wanted.emplace(name_key(hash, name), &name);
  const std::string file = content_of(scope_path(directory_, hash), max_bytes_ + kMagic.size());
  visit_records(file, scope.dim, [&](std::string_view key, std::string_view record) {
    const auto name = wanted.find(std::string(key));
    if (name == wanted.end() || !sound(record)) return;
    std::vector<float> values(static_cast<std::size_t>(scope.dim));
    std::memcpy(values.data(), record.data() + kKeyBytes, values.size() * sizeof(float));
    found.insert_or_assign(*name->second, std::move(values));
  });
  return found;
}

void EmbeddingCache::store(const EmbeddingScope& scope,
                           const std::map<std::string, std::vector<float>>& embeddings) {
  if (directory_.empty() || embeddings.empty()) return;
  const std::string hash = scope_hash(scope);
  std::vector<std::string> added;
  for (const auto& [name, values] : embeddings) {
    require(values.size() == static_cast<std::size_t>(scope.dim),
            "embedding cache: '{}' has {} values, expected {}", name, values.size(), scope.dim);
    added.push_back(make_record(name_key(hash, name), values));
  }
  try {
    fs::create_directories(directory_);
    const fs::path path = scope_path(directory_, hash);
    const WriteLock lock(path);
    const std::size_t bytes = added.size() * record_bytes(scope.dim);
    if (begins_with_magic(path) && fs::file_size(path) + bytes <= max_bytes_ + kMagic.size())
      append(path, added, scope.dim);
    else
      rewrite(path, content_of(path, max_bytes_ + kMagic.size()), added, scope.dim, max_bytes_);
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
