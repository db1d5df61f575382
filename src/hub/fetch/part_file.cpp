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

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

PartFile::PartFile(fs::path target, std::string identity)
    : target_(std::move(target)), path_(target_.string() + ".part"), identity_(std::move(identity)) {
  std::error_code error;
  json state;
  if (fs::is_regular_file(state_path(), error))
    state = json::parse(read_text_file(state_path(), kLongestState), nullptr, false);
  const bool same = state.is_object() && text_in(state, "identity") == identity_;
  if (same && !fs::exists(path_, error)) fs::rename(target_, path_, error);  // an earlier call had it whole
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  require(fd_ >= 0, "{}: cannot create: {}", path_.string(), std::strerror(errno));
  if (same) {
    validator_ = text_in(state, "validator");
    read_what_is_there();
  } else {
    restart("");
  }
}

void PartFile::read_what_is_there() {
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
  ::close(fd_);
  if (bytes_ == 0) remove();
}

void PartFile::append(std::span<const std::byte> data) {
  hash_.update(data);
  while (!data.empty()) {
    const ssize_t written = ::write(fd_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int why = errno;
      if (why == ENOSPC || why == EDQUOT || why == EFBIG) remove();
      fail("{}: cannot write: {}; free some space or let $SAN_MODELS_DIR name a folder on another disk",
           path_.string(), std::strerror(why));
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
  const json state{{"identity", identity_}, {"validator", validator_}};
  write_file_atomically(state_path(), state.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string PartFile::sha256() const {
  return Sha256(hash_).hex();
}

void PartFile::finish() {
  require(::fsync(fd_) == 0, "{}: cannot write to disk: {}", path_.string(), std::strerror(errno));
  require(::rename(path_.c_str(), target_.c_str()) == 0, "{}: cannot rename into place: {}", target_.string(),
          std::strerror(errno));
}

void PartFile::remove() {
  std::error_code error;
  fs::remove(path_, error);
  fs::remove(state_path(), error);
}

fs::path PartFile::state_path() const {
  return target_.string() + ".state";
}

}  // namespace san
