#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace san {

/// Bytes with their owner.
struct OwnedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const std::byte> owner;

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// A regular file open for reading. Files are read, never mapped: a mapped file that is cut off by another
/// program kills every process that touches the missing part, here it is an Error like any other. Copies
/// share the open file; safe to use from several threads.
class InputFile {
 public:
  /// Throws Error naming the path when it cannot be opened or is not a regular file.
  static InputFile open(const std::filesystem::path& path);

  /// Bytes in the file when it was opened.
  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  /// Fills `out` with the bytes from `offset`; throws Error when the file has (or now has) fewer.
  void read(std::uint64_t offset, std::span<std::byte> out) const;
  /// The same into fresh memory, which is taken only after `offset` and `count` are found to lie in the file.
  OwnedBytes read(std::uint64_t offset, std::uint64_t count) const;

 private:
  std::shared_ptr<const int> fd_;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

/// Whether something is there; an impossible path (too long, say) is not.
bool file_exists(const std::filesystem::path& path);

/// A whole file. Throws Error with the path, and on files beyond ReaderLimit(limit_bytes) before reading any.
OwnedBytes read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{1} << 30);

}  // namespace san
