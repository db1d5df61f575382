#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace san {

/// A file mapped read-only for its lifetime. Copies share the mapping.
class MappedFile {
 public:
  /// Throws Error naming the path when it cannot be opened, is not a regular file or cannot be mapped.
  static MappedFile open(const std::filesystem::path& path);

  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Keeps the mapping alive; hand it to whatever borrows bytes().
  std::shared_ptr<const std::byte> owner() const { return data_; }
  /// Tells the system that these pages are not needed soon (they are read again from the file if touched).
  void drop_pages(std::size_t offset, std::size_t size) const;

 private:
  std::shared_ptr<const std::byte> data_;
  std::size_t size_ = 0;
  std::filesystem::path path_;
};

}  // namespace san
