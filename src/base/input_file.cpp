#include "base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/reader_limit.h"

namespace san {

InputFile InputFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not block
  require(fd >= 0, "{}: cannot open: {}", path.string(), std::strerror(errno));
  InputFile file;
  file.fd_ = std::shared_ptr<const int>(new int(fd), [](const int* open_file) {
    ::close(*open_file);
    delete open_file;
  });
  struct stat info {};
  require(::fstat(fd, &info) == 0 && S_ISREG(info.st_mode), "{}: expected a regular file", path.string());
  file.path_ = path;
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  return file;
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got =
        ::pread(*fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    require(got >= 0, "{}: cannot read: {}", path_.string(), std::strerror(errno));
    require(got > 0, "{}: ends at byte {}, expected {} bytes; was it cut off while it was read?",
            path_.string(), offset + done, std::max(size_, offset + out.size()));
    done += static_cast<std::size_t>(got);
  }
}

OwnedBytes InputFile::read(std::uint64_t offset, std::uint64_t count) const {
  require(offset <= size_ && count <= size_ - offset,
          "{}: needs {} bytes at {}, the file has {}; is it cut off?", path_.string(), count, offset, size_);
  const auto size = static_cast<std::size_t>(count);
  const auto data = std::make_shared_for_overwrite<std::byte[]>(size);
  read(offset, {data.get(), size});
  return {{data.get(), size}, {data, data.get()}};
}

bool file_exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

OwnedBytes read_file(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  const InputFile file = InputFile::open(path);
  ReaderLimit(limit_bytes).check(file.size(), path.string(), "bytes");
  return file.read(0, file.size());
}

}  // namespace san
