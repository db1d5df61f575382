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

OwnedBytes FileBytes::read(std::uint64_t offset, std::uint64_t count) const {
  if (file_) return file_->read(offset, count);
  require(offset <= bytes_.size() && count <= bytes_.size() - offset,
          "{}: needs {} bytes at {}, the file has {}; is it cut off?", description_, count, offset,
          bytes_.size());
  const auto part = bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
  return {part, {owner_, part.data()}};
}

OwnedBytes FileBytes::head(std::uint64_t count) const {
  return read(0, std::min(count, size()));
}

}  // namespace san
