#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/hash.h"

namespace san {

/// What of a download has arrived: TARGET.part, and in TARGET.part.json of what it is a part. Its hash goes along.
class PartFile {
 public:
  /// Opens what an earlier call left if it is a part of the same file (`identity`), else begins anew. Throws
  /// Error when it cannot be created.
  PartFile(std::filesystem::path target, std::string identity);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::int64_t bytes() const { return bytes_; }
  const std::string& validator() const { return validator_; }
  /// Throws Error; on a full disk what had arrived is removed, since a full disk hurts everyone.
  void append(std::span<const std::byte> data);
  /// Forgets what arrived. `validator`: an ETag or date by which the server can be asked whether it is still the
  /// same file; "" when it gave none.
  void restart(const std::string& validator);
  /// SHA-256 of all bytes; nothing may be appended afterwards.
  std::string sha256();
  /// Becomes the target.
  void finish();
  void remove();

 private:
  std::filesystem::path state_path() const;
  std::filesystem::path target_, path_;
  std::string identity_, validator_;
  std::int64_t bytes_ = 0;
  int fd_ = -1;
  Sha256 hash_;
};

}  // namespace san
