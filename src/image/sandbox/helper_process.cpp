#include "image/sandbox/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace san::sandbox {
namespace {

/// Loading OpenCV and what it brings takes a quarter of a second; a machine under load many times that.
constexpr double kStartSeconds = 60;
constexpr std::uint64_t kKeptOutputBytes = std::uint64_t{64} << 20;

/// Above the numbers that the helper's own descriptors get, so that placing one never overwrites another.
Descriptor out_of_the_way(Descriptor fd, const char* what) {
  require(fd.get() >= 0, "cannot make {} for a decoding helper: {}", what, std::strerror(errno));
  Descriptor moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
  require(moved.get() >= 0, "cannot make {} for a decoding helper: {}", what, std::strerror(errno));
  return moved;
}

Descriptor shared_memory(const char* name) {
  return out_of_the_way(Descriptor(::memfd_create(name, MFD_CLOEXEC)), "shared memory");
}

/// Decoders need no secrets: of the environment goes over only what the dynamic linker and sanitizers read.
std::vector<char*> helper_environment() {
  std::vector<char*> kept;
  for (char** variable = environ; variable && *variable; ++variable)
    for (const std::string_view name :
         {"LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LSAN_OPTIONS="})
      if (std::string_view(*variable).starts_with(name)) kept.push_back(*variable);
  kept.push_back(nullptr);
  return kept;
}

struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

void resize_memory(int fd, std::uint64_t bytes) {
  require(::ftruncate(fd, static_cast<off_t>(bytes)) == 0, "no memory to share {} bytes with a decoder: {}",
          bytes, std::strerror(errno));
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}
Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

HelperProcess::HelperProcess(const std::filesystem::path& program)
    : HelperProcess(program, Descriptor(::memfd_create("san-decode-input", MFD_CLOEXEC))) {}

HelperProcess::HelperProcess(const std::filesystem::path& program, Descriptor file)
    : input_(out_of_the_way(std::move(file), "shared memory")),
      output_(shared_memory("san-decode-output")),
      owner_(::getpid()) {
  start(program);
  await_ready(program);
}

void HelperProcess::await_ready(const std::filesystem::path& program) {
  Reply ready;
  if (!receive(ready, kStartSeconds) || ready.kind != ReplyKind::kReady) {
    const std::string why = ending();
    fail("{}: the decoding helper does not start: it {}", program.string(), why);
  }
  const std::string version(ready.text.data(), std::min<std::size_t>(ready.text_bytes, kTextBytes));
  if (ready.protocol != kProtocol || version != SAN_VERSION) {
    stop(nullptr);
    fail("{}: version {} (protocol {}), but this library is version {} (protocol {}); install both anew",
         program.string(), version, ready.protocol, SAN_VERSION, kProtocol);
  }
  walls_ = ready.walls;
  empty_address_space_ = ready.address_space;
}

HelperProcess::~HelperProcess() {
  stop(nullptr);
}

void HelperProcess::start(const std::filesystem::path& program) {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0,
          "cannot make a socket for a decoding helper: {}", std::strerror(errno));
  socket_ = Descriptor(ends[0]);
  const Descriptor theirs = out_of_the_way(Descriptor(ends[1]), "a socket");
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, theirs.get(), kSocketFd);
  ::posix_spawn_file_actions_addopen(&plan.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&plan.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&plan.actions, input_.get(), kInputFd);
  ::posix_spawn_file_actions_adddup2(&plan.actions, output_.get(), kOutputFd);
  // A group of its own: Ctrl-C is for the program, which may want to finish its picture.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setflags(&plan.attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string path = program.string();
  char* arguments[] = {path.data(), nullptr};
  std::vector<char*> environment = helper_environment();
  const int code =
      ::posix_spawn(&pid_, path.c_str(), &plan.actions, &plan.attributes, arguments, environment.data());
  if (code != 0) pid_ = -1;
  require(code == 0, "{}: cannot start the decoding helper: {}", path, std::strerror(code));
  // A number may be given to another process once somebody else collects this one; the descriptor may not.
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

void HelperProcess::stop(int* status) {
  if (pid_ < 0 || owner_ != ::getpid()) return;
  if (process_.get() >= 0)
    ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  else
    ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

bool HelperProcess::send(const void* message, std::size_t size) {
  for (;;) {
    const ssize_t sent = ::send(socket_.get(), message, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    new_ = new_ && sent < 0;
    return sent == static_cast<ssize_t>(size);
  }
}

bool HelperProcess::receive(Reply& reply, double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    const std::chrono::duration<double, std::milli> left = deadline - std::chrono::steady_clock::now();
    pollfd waiting{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::ceil(std::max(0.0, left.count()))));
    if (ready < 0 && errno == EINTR) continue;
    timed_out_ = ready == 0;
    if (ready <= 0) return false;
    const ssize_t size = ::recv(socket_.get(), &reply, sizeof reply, 0);
    if (size < 0 && errno == EINTR) continue;
    return size == sizeof reply;
  }
}

void HelperProcess::fill_input(std::span<const std::byte> bytes, const std::string& name) {
  resize_memory(input_.get(), bytes.size() + name.size());
  const auto put = [&](const void* from, std::size_t count, std::size_t at) {
    while (count > 0) {
      const ssize_t written = ::pwrite(input_.get(), from, count, static_cast<off_t>(at));
      if (written < 0 && errno == EINTR) continue;
      require(written > 0, "{}: no memory to share {} bytes with a decoder: {}", name, bytes.size(),
              std::strerror(errno));
      from = static_cast<const std::byte*>(from) + written;
      at += static_cast<std::size_t>(written);
      count -= static_cast<std::size_t>(written);
    }
  };
  put(bytes.data(), bytes.size(), 0);
  put(name.data(), name.size(), bytes.size());
}

void HelperProcess::size_output(std::uint64_t bytes) {
  const std::uint64_t wanted = std::max(bytes, std::min(output_bytes_, kKeptOutputBytes));
  if (wanted == output_bytes_) return;
  resize_memory(output_.get(), wanted);
  output_bytes_ = wanted;
}

void HelperProcess::read_output(std::span<std::byte> to, std::uint64_t from) const {
  // Read, not mapped: whatever the helper does to this memory, reading it cannot raise a signal here.
  for (std::size_t at = 0; at < to.size();) {
    const ssize_t got = ::pread(output_.get(), to.data() + at, to.size() - at, static_cast<off_t>(from + at));
    if (got < 0 && errno == EINTR) continue;
    require(got > 0, "cannot read what a decoding helper decoded: {}", std::strerror(errno));
    at += static_cast<std::size_t>(got);
  }
}

void HelperProcess::limit(double cpu_seconds, std::uint64_t memory_bytes) {
  clockid_t clock;
  timespec used{};
  if (::clock_getcpuclockid(pid_, &clock) == 0) ::clock_gettime(clock, &used);
  const auto set = [this](__rlimit_resource what, std::uint64_t value) {
    rlimit limit{};
    if (::prlimit(pid_, what, nullptr, &limit) != 0) return;
    limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
    ::prlimit(pid_, what, &limit, nullptr);
  };
  set(RLIMIT_CPU,
      static_cast<std::uint64_t>(used.tv_sec) + 1 + static_cast<std::uint64_t>(std::ceil(cpu_seconds)));
  if (walls_ & kAddressSpaceLimit) set(RLIMIT_AS, empty_address_space_ + memory_bytes);
}

std::string HelperProcess::ending() {
  const bool timed_out = std::exchange(timed_out_, false);
  int status = 0;
  if (!timed_out) {  // it is ending by itself: its own status is wanted, not that of the kill
    pollfd waiting{process_.get(), POLLIN, 0};
    if (process_.get() >= 0) ::poll(&waiting, 1, 1000);
  }
  stop(&status);
  if (timed_out || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
    return "took too long and was stopped";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
    return "asked the system for something that decoding does not need and was stopped";
  if (WIFSIGNALED(status))
    return fmt::format("crashed (signal {}, {})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("ended unexpectedly (exit code {})", WEXITSTATUS(status));
}

}  // namespace san::sandbox
