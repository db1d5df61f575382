#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/hash.h"

namespace san {

/// What of a download has arrived: TARGET.part, and in TARGET.state of what it is a part. Its hash goes
/// along.
class PartFile {
 public:
  /// Opens what an earlier call left, in part or whole, if it is of the same file (`identity`), else begins
  /// anew. Throws Error when it cannot be created or read.
  PartFile(std::filesystem::path target, std::string identity);
  /// What arrived stays; where nothing did, no file does.
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::int64_t bytes() const { return bytes_; }
  /// An ETag or a date by which the server can be asked whether it still has the same file; "" when it gave
  /// none.
  const std::string& validator() const { return validator_; }
  /// Throws Error; on a full disk what had arrived is removed first, since a full disk hurts everyone.
  void append(std::span<const std::byte> data);
  /// Forgets what arrived.
  void restart(const std::string& validator);
  /// SHA-256 of all bytes so far.
  std::string sha256() const;
  /// Becomes the target. Its state stays, so that a later call finds it whole.
  void finish();
  void remove();

 private:
  std::filesystem::path state_path() const;
  void read_what_is_there();
  std::filesystem::path target_, path_;
  std::string identity_, validator_;
  std::int64_t bytes_ = 0;
  int fd_ = -1;
  Sha256 hash_;
};

}  // namespace san
