#pragma once
#include <filesystem>
#include <string>

namespace san::serve {

struct Address {
  std::string host = "127.0.0.1";
  int port = 8080;               ///< 0: any free one
  std::filesystem::path socket;  ///< a unix socket instead; empty: host and port
};

/// A socket that listens. Closes it, and removes the unix socket that it made.
class Listener {
 public:
  /// The socket that systemd hands over (LISTEN_FDS), else one of its own. Throws Error with the address.
  explicit Listener(const Address& address);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const { return fd_; }
  /// "http://127.0.0.1:8080", or "unix:/run/san.sock".
  const std::string& name() const { return name_; }
  /// Whether only this machine reaches it by an address that pages of other sites can be made to name.
  bool loopback() const { return loopback_; }
  int port() const { return port_; }  ///< 0 of a unix socket
  bool inherited() const { return inherited_; }

 private:
  void listen_on(const std::string& host, int port);
  void listen_on(const std::filesystem::path& socket);
  void describe();

  int fd_ = -1, port_ = 0;
  std::string name_;
  bool loopback_ = false, inherited_ = false;
  std::filesystem::path made_;
};

}  // namespace san::serve
