#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/input_file.h"

namespace san {

/// Memory for one thing after another, each let go before the next: pages that the system need not clear
/// again. Whoever comes while it is in use, or needs very little or very much, gets memory of its own. Safe
/// to use from several threads.
class SpareBytes {
 public:
  static constexpr std::size_t kLeast = std::size_t{256} << 10, kMost = std::size_t{32} << 20;
  std::shared_ptr<std::byte[]> take(std::size_t count);

 private:
  struct Idle {
    std::mutex mutex;
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };
  std::shared_ptr<Idle> idle_ = std::make_shared<Idle>();
};

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
  /// The same, bytes of a file into spare memory.
  OwnedBytes read(std::uint64_t offset, std::uint64_t count, SpareBytes& spare) const;
  /// At most `count` bytes from the start.
  OwnedBytes head(std::uint64_t count) const;

 private:
  std::optional<InputFile> file_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::string description_;
};

}  // namespace san
