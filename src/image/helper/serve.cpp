#include "image/helper/serve.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>

#include "base/error.h"
#include "image/helper/lockdown.h"

namespace san::sandbox {
namespace {

template <class Message>
bool receive(Message& message) {
  for (;;) {
    const ssize_t size = ::recv(kSocketFd, &message, sizeof message, 0);
    if (size < 0 && errno == EINTR) continue;
    return size == sizeof message;
  }
}

bool send(const Reply& reply) {
  for (;;) {
    const ssize_t size = ::send(kSocketFd, &reply, sizeof reply, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    return size == sizeof reply;
  }
}

void set_text(Reply& reply, std::string_view text) {
  reply.text_bytes = static_cast<std::uint32_t>(std::min(text.size(), kTextBytes));
  std::copy_n(text.begin(), reply.text_bytes, reply.text.begin());
}

/// Shared memory of the program, mapped while one picture is decoded.
class Mapping {
 public:
  Mapping(int fd, std::size_t size, int protection, bool at_once = true) : size_(size) {
    if (size == 0) return;
    data_ = ::mmap(nullptr, size, protection, MAP_SHARED | (at_once ? MAP_POPULATE : 0), fd, 0);
    if (data_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Mapping() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

/// The program went away in the middle of a picture.
struct HungUp {};

Reply answer(const Request& request, const Worker& worker) {
  Reply reply;
  std::string name, note;
  try {
    const Mapping input(kInputFd, request.bytes + request.name_bytes, PROT_READ, !reads_a_file(request.task));
    name.assign(reinterpret_cast<const char*>(input.data()) + request.bytes, request.name_bytes);
    std::unique_ptr<Mapping> output;
    const auto allocate = [&](int height, int width) {
      Reply size;
      size.kind = ReplyKind::kSize;
      size.height = height;
      size.width = width;
      Go go;
      if (!send(size) || !receive(go) || go.accepted == 0) throw HungUp{};
      output = std::make_unique<Mapping>(
          kOutputFd,
          static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * pixel_bytes(request.task),
          PROT_READ | PROT_WRITE);
      return output->data();
    };
    const auto written = [](std::size_t bytes) {
      Reply progress;
      progress.kind = ReplyKind::kWritten;
      progress.written = bytes;
      if (!send(progress)) throw HungUp{};
    };
    worker(request, {input.data(), request.bytes}, name,
           {allocate, written, [&](const std::string& text) { note = text; }});
    reply.kind = ReplyKind::kDone;
    set_text(reply, note);
  } catch (const std::bad_alloc&) {
    reply.kind = ReplyKind::kFailed;
    set_text(reply,
             fmt::format("{}: decoding this picture takes more memory than a picture of {} pixels may; "
                         "--max-pixels raises the limit",
                         name, request.max_pixels));
  } catch (const std::exception& error) {
    reply.kind = ReplyKind::kFailed;
    set_text(reply, error.what());
  }
  return reply;
}

std::uint64_t address_space_in_use() {
  std::uint64_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

int serve(const std::function<void()>& warm_up, const Worker& worker) {
  // Large pictures' memory goes back to the system, whatever was allocated before.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  warm_up();
  Reply ready;
  ready.kind = ReplyKind::kReady;
  set_text(ready, SAN_VERSION);
  ready.address_space = address_space_in_use();
  ready.walls = lock_down();
  if (!send(ready)) return 1;
  Request request;
  try {
    while (receive(request))
      if (!send(answer(request, worker))) break;
  } catch (const HungUp&) {
  }
  return 0;
}

}  // namespace san::sandbox
