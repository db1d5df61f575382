#include "hub/fetch/part_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kPiece = 1 << 20, kLongestState = 1 << 16;

}  // namespace

PartFile::PartFile(fs::path target, std::string identity)
    : target_(std::move(target)), path_(target_.string() + ".part"), identity_(std::move(identity)) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  require(fd_ >= 0, "{}: cannot create: {}", path_.string(), std::strerror(errno));
  std::error_code error;
  json state;
  if (fs::is_regular_file(state_path(), error))
    state = json::parse(read_text_file(state_path(), kLongestState), nullptr, false);
  if (!state.is_object() || state.value("identity", "") != identity_) {
    restart("");
    return;
  }
  validator_ = state.value("validator", "");
  std::vector<std::byte> piece(kPiece);
  for (;;) {
    const ssize_t got = ::read(fd_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    require(got >= 0, "{}: cannot read: {}", path_.string(), std::strerror(errno));
    if (got == 0) return;
    hash_.update(std::span(piece).first(static_cast<std::size_t>(got)));
    bytes_ += got;
  }
}

PartFile::~PartFile() {
  if (fd_ >= 0) ::close(fd_);
}

void PartFile::append(std::span<const std::byte> data) {
  hash_.update(data);
  while (!data.empty()) {
    const ssize_t written = ::write(fd_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int why = errno;
      const std::string name = path_.string();
      if (why == ENOSPC || why == EDQUOT) remove();
      fail("{}: cannot write: {}; free some space or let $SAN_MODELS_DIR name a folder on another disk", name,
           std::strerror(why));
    }
    bytes_ += written;
    data = data.subspan(static_cast<std::size_t>(written));
  }
}

void PartFile::restart(const std::string& validator) {
  require(::ftruncate(fd_, 0) == 0 && ::lseek(fd_, 0, SEEK_SET) == 0, "{}: cannot write: {}", path_.string(),
          std::strerror(errno));
  hash_ = Sha256();
  bytes_ = 0;
  validator_ = validator;
  write_file_atomically(state_path(), json{{"identity", identity_}, {"validator", validator_}}.dump());
}

std::string PartFile::sha256() {
  return hash_.hex();
}

void PartFile::finish() {
  require(::fsync(fd_) == 0, "{}: cannot write to disk: {}", path_.string(), std::strerror(errno));
  require(::rename(path_.c_str(), target_.c_str()) == 0, "{}: cannot rename into place: {}", target_.string(),
          std::strerror(errno));
  std::error_code error;
  fs::remove(state_path(), error);
}

void PartFile::remove() {
  std::error_code error;
  fs::remove(path_, error);
  fs::remove(state_path(), error);
}

fs::path PartFile::state_path() const {
  return path_.string() + ".json";
}

}  // namespace san
