#pragma once
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace san {

/// Writes a file so that readers see the old content or the new, never a part: a temporary file in the
/// same folder, fsync, rename on commit(). Without commit() nothing remains. Every failure throws Error with
/// the path.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
};

/// AtomicFile in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// The whole file as a string; throws Error with the path. Refuses files beyond ReaderLimit(limit_bytes).
std::string read_text_file(const std::filesystem::path& path, std::size_t limit_bytes = std::size_t{1} << 30);

}  // namespace san
