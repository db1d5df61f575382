#include "checkpoint/file_bytes.h"

#include <algorithm>

#include "base/error.h"

namespace san {

FileBytes FileBytes::open(const std::filesystem::path& path) {
  FileBytes content;
  content.file_ = InputFile::open(path);
  content.description_ = path.string();
  return content;
}

FileBytes FileBytes::hold(std::vector<std::byte> bytes, std::string description) {
  const auto holder = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  FileBytes content = view(*holder, std::move(description));
  content.owner_ = holder;
  return content;
}

FileBytes FileBytes::view(std::span<const std::byte> bytes, std::string description) {
  FileBytes content;
  content.bytes_ = bytes;
  content.description_ = std::move(description);
  return content;
}

std::shared_ptr<std::byte[]> SpareBytes::take(std::size_t count) {
  if (count < kLeast || count > kMost) return std::make_shared_for_overwrite<std::byte[]>(count);
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size = count;
  {
    const std::lock_guard lock(idle_->mutex);
    if (idle_->size >= count) size = idle_->size, bytes = std::move(idle_->bytes);
    idle_->bytes.reset();
    idle_->size = 0;
  }
  if (!bytes) bytes = std::make_unique_for_overwrite<std::byte[]>(count);
  return {bytes.release(), [idle = idle_, size](std::byte* p) {
            std::unique_ptr<std::byte[]> back(p);
            const std::lock_guard lock(idle->mutex);
            if (size > idle->size) std::swap(idle->bytes, back), idle->size = size;
          }};
}

OwnedBytes FileBytes::read(std::uint64_t offset, std::uint64_t count) const {
  if (file_) return file_->read(offset, count);
  require(offset <= bytes_.size() && count <= bytes_.size() - offset,
          "{}: needs {} bytes at {}, the file has {}; is it cut off?", description_, count, offset,
          bytes_.size());
  const auto part = bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
  return {part, {owner_, part.data()}};
}

OwnedBytes FileBytes::read(std::uint64_t offset, std::uint64_t count, SpareBytes& spare) const {
  if (!file_ || count > file_->size()) return read(offset, count);
  const std::shared_ptr<std::byte[]> memory = spare.take(static_cast<std::size_t>(count));
  const std::span<std::byte> bytes(memory.get(), static_cast<std::size_t>(count));
  file_->read(offset, bytes);
  return {bytes, {memory, memory.get()}};
}

OwnedBytes FileBytes::head(std::uint64_t count) const {
  return read(0, std::min(count, size()));
}

}  // namespace san
