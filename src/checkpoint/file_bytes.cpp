#include "checkpoint/file_bytes.h"

namespace san {

FileBytes FileBytes::map(const std::filesystem::path& path) {
  FileBytes file;
  file.mapping_ = MappedFile::open(path);
  file.bytes_ = file.mapping_->bytes();
  file.owner_ = file.mapping_->owner();
  file.description_ = path.string();
  return file;
}

FileBytes FileBytes::hold(std::vector<std::byte> bytes, std::string description) {
  const auto holder = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  FileBytes file;
  file.bytes_ = *holder;
  file.owner_ = holder;
  file.description_ = std::move(description);
  return file;
}

FileBytes FileBytes::view(std::span<const std::byte> bytes, std::string description) {
  FileBytes file;
  file.bytes_ = bytes;
  file.description_ = std::move(description);
  return file;
}

void FileBytes::drop_pages(std::size_t offset, std::size_t size) const {
  if (mapping_) mapping_->drop_pages(offset, size);
}

}  // namespace san
