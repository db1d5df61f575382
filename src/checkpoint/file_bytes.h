#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/input_file.h"

namespace san {

/// The content of a checkpoint, in a file or in memory. Copies share it; safe to use from several threads.
class FileBytes {
 public:
  /// Throws Error naming the path when it cannot be opened.
  static FileBytes open(const std::filesystem::path& path);
  /// Takes bytes already in memory; `description` stands for the path in messages.
  static FileBytes hold(std::vector<std::byte> bytes, std::string description);
  /// Refers to bytes that live as long as the program (embedded files).
  static FileBytes view(std::span<const std::byte> bytes, std::string description);

  std::uint64_t size() const { return file_ ? file_->size() : bytes_.size(); }
  const std::string& description() const { return description_; }
  /// The bytes [offset, offset + count): borrowed from memory, or read from the file. Throws Error naming the
  /// file where they lie outside of it, before anything is allocated.
  OwnedBytes read(std::uint64_t offset, std::uint64_t count) const;
  /// Whether reading costs memory: the content is in a file, not in memory.
  bool in_file() const { return file_.has_value(); }
  /// Fills `out` with bytes of a file.
  void read(std::uint64_t offset, std::span<std::byte> out) const { file_->read(offset, out); }
  /// At most `count` bytes from the start.
  OwnedBytes head(std::uint64_t count) const;

 private:
  std::optional<InputFile> file_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::string description_;
};

}  // namespace san
