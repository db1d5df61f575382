#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/file_bytes.h"

namespace san {

/// A zip file read entry by entry (APPNOTE 6.3: zip64, stored and deflated entries; no encryption, no
/// spanning). Limits: a million entries in a directory of 256 MiB, 1 GiB per decompressed entry.
class ZipArchive {
 public:
  struct Entry {
    std::uint64_t size = 0, compressed_size = 0, header_offset = 0;
    std::uint32_t crc32 = 0;
    std::uint16_t method = 0;
  };

  /// Reads the directory. Throws Error on whatever is not a complete, consistent zip file.
  explicit ZipArchive(FileBytes file);
  static bool looks_like(const FileBytes& file);

  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::string& description() const { return file_.description(); }
  /// The entry's content. Throws Error when it is absent, longer than `limit_bytes` (or than
  /// ReaderLimit of 1 GiB, deflated), damaged (CRC), or lies outside the file.
  OwnedBytes read(const std::string& name, std::uint64_t limit_bytes) const;
  /// Whether the entry is not compressed, so that parts of it can be read. Throws Error when it is absent.
  bool is_stored(const std::string& name) const;
  /// Bytes the entry says it has once decompressed. Throws Error when it is absent.
  std::uint64_t size(const std::string& name) const { return entry(name).size; }
  /// Checks the checksum of a stored entry, holding a small part of it at a time. Throws Error as read().
  void verify_stored(const std::string& name, std::uint64_t limit_bytes) const;
  /// A part of a stored entry; its checksum is the business of verify_stored().
  OwnedBytes read_stored(const std::string& name, std::uint64_t offset, std::uint64_t count) const;

 private:
  const Entry& entry(const std::string& name) const;
  void require_checksum(const std::string& name, std::uint32_t computed) const;
  const Entry& checked_entry(const std::string& name, std::uint64_t limit_bytes) const;
  std::uint64_t data_offset(const std::string& name, const Entry& entry) const;

  FileBytes file_;
  std::map<std::string, Entry> entries_;
};

}  // namespace san
