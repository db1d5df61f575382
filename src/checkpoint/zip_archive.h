#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/file_bytes.h"

namespace san {

/// Bytes with their owner.
struct OwnedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const std::byte> owner;
};

/// A zip file read in place (APPNOTE 6.3: zip64, stored and deflated entries; no encryption, no spanning).
class ZipArchive {
 public:
  struct Entry {
    std::uint64_t size = 0, compressed_size = 0, header_offset = 0;
    std::uint32_t crc32 = 0;
    std::uint16_t method = 0;
  };

  /// Reads the directory. Throws Error on whatever is not a complete, consistent zip file.
  explicit ZipArchive(FileBytes file);
  static bool looks_like(std::span<const std::byte> bytes);

  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::string& description() const { return file_.description(); }
  /// The entry's content: borrowed from the file when stored, in memory when deflated. Throws Error when it
  /// is absent, longer than `limit_bytes` (or than 1 GiB, deflated), damaged (CRC), or lies outside the file.
  OwnedBytes read(const std::string& name, std::uint64_t limit_bytes) const;
  /// Whether read() borrows the entry from the file. Throws Error when it is absent.
  bool is_stored(const std::string& name) const;
  /// Hint that a stored entry's bytes are not needed soon.
  void release(const std::string& name) const;

 private:
  const Entry& entry(const std::string& name) const;
  std::uint64_t data_offset(const std::string& name, const Entry& entry) const;

  FileBytes file_;
  std::map<std::string, Entry> entries_;
};

}  // namespace san
