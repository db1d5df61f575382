#include "listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace san::serve {
namespace {

constexpr int kBacklog = 128, kFirstInherited = 3;  // SD_LISTEN_FDS_START

int inherited_socket() {
  const char *pid = std::getenv("LISTEN_PID"), *count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::atol(pid) != static_cast<long>(::getpid())) return -1;
  require(std::atoi(count) == 1, "the service manager hands over {} sockets; expected one", count);
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  int listens = 0;
  socklen_t size = sizeof listens;
  require(::getsockopt(kFirstInherited, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0,
          "what the service manager hands over is no socket that listens");
  return kFirstInherited;
}

bool answers(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool there = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return there;
}

}  // namespace

Listener::Listener(const Address& address) {
  fd_ = inherited_socket();
  inherited_ = fd_ >= 0;
  if (!inherited_) {
    if (address.socket.empty())
      listen_on(address.host, address.port);
    else
      listen_on(address.socket);
  }
  ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  describe();
}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
  std::error_code error;
  if (!made_.empty()) std::filesystem::remove(made_, error);
}

void Listener::listen_on(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  require(failed == 0, "--host {}: {}", host, ::gai_strerror(failed));
  int error = 0;
  for (const addrinfo* a = found; a != nullptr && fd_ < 0; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && ::bind(fd, a->ai_addr, a->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) {
      fd_ = fd;
    } else {
      error = errno;
      if (fd >= 0) ::close(fd);
    }
  }
  ::freeaddrinfo(found);
  require(fd_ >= 0, "--host {} --port {}: cannot listen there: {}{}", host, port, std::strerror(error),
          error == EADDRINUSE ? "; choose another --port, or 0 for a free one" : "");
}

void Listener::listen_on(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  require(path.size() < sizeof address.sun_path, "--socket {}: a socket's path has at most {} bytes", path,
          sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    require(S_ISSOCK(there.st_mode), "--socket {}: something else is there; choose another path", path);
    require(!answers(address), "--socket {}: a service answers there already", path);
    ::unlink(path.c_str());  // left by one that was killed
  }
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const mode_t before = ::umask(0117);  // owner and group
  const bool bound = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  ::umask(before);
  if (bound) made_ = socket;
  require(bound && ::listen(fd_, kBacklog) == 0, "--socket {}: cannot listen there: {}", path,
          std::strerror(error));
}

void Listener::describe() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    port_ = ntohs(in.sin_port);
    name_ = fmt::format("http://{}:{}", text.data(), port_);
    loopback_ = ntohl(in.sin_addr.s_addr) >> 24 == 127;
  } else if (address.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
    port_ = ntohs(in.sin6_port);
    name_ = fmt::format("http://[{}]:{}", text.data(), port_);
    loopback_ = IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
  } else {
    name_ = fmt::format("unix:{}", reinterpret_cast<const sockaddr_un&>(address).sun_path);
  }
}

}  // namespace san::serve
