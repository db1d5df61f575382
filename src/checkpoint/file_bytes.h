#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"

namespace san {

/// The content of a checkpoint file, memory-mapped or in memory. Copies share it.
class FileBytes {
 public:
  /// Throws Error naming the path when it cannot be mapped.
  static FileBytes map(const std::filesystem::path& path);
  /// Takes bytes already in memory; `description` stands for the path in messages.
  static FileBytes hold(std::vector<std::byte> bytes, std::string description);

  /// Refers to bytes that live as long as the program (embedded files).
  static FileBytes view(std::span<const std::byte> bytes, std::string description);

  std::span<const std::byte> bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  const std::string& description() const { return description_; }
  /// A pointer into the content that keeps it alive. `offset` must not exceed size().
  std::shared_ptr<const std::byte> borrow(std::size_t offset) const {
    return {owner_, bytes_.data() + offset};
  }
  /// Hint that [offset, offset + size) is not needed soon.
  void drop_pages(std::size_t offset, std::size_t size) const;

 private:
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::optional<MappedFile> mapping_;
  std::string description_;
};

}  // namespace san
