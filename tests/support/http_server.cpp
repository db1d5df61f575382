#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace san::testing {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::string HttpServer::Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

void HttpServer::Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the client has had enough
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void HttpServer::Connection::answer(int status, const std::vector<std::string>& headers,
                                    std::string_view body, bool head_only) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\nConnection: close\r\n";
  bool length = false;
  for (const std::string& header : headers) {
    text += header + "\r\n";
    length = length || lower(header).starts_with("content-length:");
  }
  if (!length) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(text + "\r\n");
  if (!head_only) send(body);
}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw std::runtime_error("no server can be started on the loopback interface");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  stop_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (std::thread& talk : talks_) talk.join();
  ::close(listener_);
}

std::string HttpServer::address() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<HttpServer::Request> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::serve() {
  while (!stop_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, 100) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) talks_.emplace_back([this, fd] { talk(fd); });
  }
}

void HttpServer::talk(int fd) {
  std::string text;
  char piece[4096];
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got <= 0) break;
    text.append(piece, static_cast<std::size_t>(got));
  }
  Request request;
  const auto first = text.find(' '), second = text.find(' ', first + 1);
  if (second != std::string::npos) {
    request.method = text.substr(0, first);
    request.target = text.substr(first + 1, second - first - 1);
    for (auto line = text.find("\r\n"); line != std::string::npos; line = text.find("\r\n", line + 2)) {
      const auto colon = text.find(':', line), end = text.find("\r\n", line + 2);
      if (colon == std::string::npos || end == std::string::npos || colon > end) continue;
      request.headers[lower(text.substr(line + 2, colon - line - 2))] =
          text.substr(colon + 2, end - colon - 2);
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    Connection connection(fd);
    handler_(request, connection);
  }
  ::shutdown(fd, SHUT_WR);
  while (::recv(fd, piece, sizeof piece, 0) > 0) {
  }
  ::close(fd);
}

void answer_with_ranges(const HttpServer::Request& request, HttpServer::Connection& connection,
                        std::string_view bytes, std::vector<std::string> headers) {
  const bool head = request.method == "HEAD";
  const std::string range = request.header("range");
  if (!range.starts_with("bytes=")) return connection.answer(200, headers, bytes, head);
  const std::size_t first = std::stoul(range.substr(6));
  if (first >= bytes.size())
    return connection.answer(416, {"Content-Range: bytes */" + std::to_string(bytes.size())}, "", head);
  headers.push_back("Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(bytes.size() - 1) +
                    "/" + std::to_string(bytes.size()));
  connection.answer(206, headers, bytes.substr(first), head);
}

}  // namespace san::testing
