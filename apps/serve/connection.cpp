#include "connection.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "serve/refusal.h"

namespace san::serve {
namespace {

constexpr std::size_t kPiece = 16384;

}  // namespace

bool Connection::wait(short events, Clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd p{fd_, events, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool Connection::fill(Clock::time_point until) {
  if (taken_ == arrived_.size()) arrived_.clear(), taken_ = 0;
  if (!wait(POLLIN, until)) return false;
  const std::size_t before = arrived_.size();
  arrived_.resize(before + kPiece);
  const ssize_t got = ::recv(fd_, arrived_.data() + before, kPiece, 0);
  arrived_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return got > 0;
}

Connection::Next Connection::next(const std::atomic<bool>& stopping) {
  constexpr auto kLook = std::chrono::milliseconds(200);
  arrived_.erase(0, taken_);
  taken_ = 0;
  const auto idle_until = Clock::now() + limits_.idle;
  while (arrived_.empty()) {
    if (stopping) return Next::kStopped;
    if (fill(std::min(idle_until, Clock::now() + kLook))) continue;
    if (gone() || Clock::now() >= idle_until) return Next::kClosed;
  }
  const auto until = Clock::now() + limits_.head;
  for (;;) {
    // A client may send an empty line after a body (RFC 9112, 2.2).
    while (arrived_.starts_with("\r\n")) arrived_.erase(0, 2);
    if (const auto end = find_head_end(arrived_, limits_.head_size)) {
      head_ = parse_head(std::string_view(arrived_).substr(0, *end), limits_.head_size);
      taken_ = *end;
      break;
    }
    if (fill(until)) continue;
    if (gone()) return Next::kClosed;
    refuse(408, "timeout", "", "the request's head did not arrive within {} s", limits_.head.count() / 1000);
  }
  expect(head_.content_length.value_or(0) <= limits_.body_bytes, 413, "body_too_large", "",
         "a body of {} bytes, more than {}", head_.content_length.value_or(0), limits_.body_bytes);
  return Next::kRequest;
}

void Connection::begin_body() {
  given_ = head_.method + " " + head_.target + " HTTP/1.1\r\n";
  for (const char* name : {"content-length", "transfer-encoding", "expect"})
    if (const auto found = head_.headers.find(name); found != head_.headers.end())
      given_ += found->first + ": " + found->second + "\r\n";
  // The library would read a body of no stated length until the connection ends.
  if (!head_.chunked && !head_.content_length) given_ += "content-length: 0\r\n";
  given_ += head_.keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  given_taken_ = 0;
  body_read_ = written_ = 0;
  chunks_ = {};
  body_began_ = Clock::now();
  write_began_ = {};
}

Connection::Clock::time_point Connection::deadline(Clock::time_point began, std::uint64_t bytes) const {
  const auto earned = std::chrono::seconds(bytes / limits_.bytes_per_second);
  return std::min(Clock::now() + limits_.stall, began + limits_.stall + earned);
}

ssize_t Connection::fail(int status) {
  failed_ = true;
  failure_ = status;
  return -1;
}

ssize_t Connection::read(char* to, std::size_t size) {
  if (given_taken_ < given_.size()) {
    const std::size_t n = given_.copy(to, size, given_taken_);
    given_taken_ += n;
    return static_cast<ssize_t>(n);
  }
  if (failed_) return -1;
  if (taken_ == arrived_.size() && !fill(deadline(body_began_, body_read_))) return fail(gone() ? 0 : 408);
  const std::size_t n = arrived_.copy(to, size, taken_);
  if (head_.chunked && !chunks_.pass({to, n})) return fail(400);
  taken_ += n;
  body_read_ += n;
  // Chunks bring their own lengths: no more than half of what may come in all.
  if (body_read_ > limits_.body_bytes + limits_.body_bytes / 2 + kPiece) return fail(413);
  return static_cast<ssize_t>(n);
}

ssize_t Connection::write(const char* from, std::size_t size) {
  if (failed_ && failure_ == 0) return -1;
  if (write_began_ == Clock::time_point{}) write_began_ = Clock::now();
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::send(fd_, from + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      written_ += static_cast<std::uint64_t>(n);
    } else if (errno != EINTR && (errno != EAGAIN || !wait(POLLOUT, deadline(write_began_, written_)))) {
      return fail(0);
    }
  }
  return static_cast<ssize_t>(size);
}

void Connection::answer(std::string_view text) {
  write(text.data(), text.size());
}

bool Connection::body_complete() const {
  return head_.chunked ? chunks_.complete() : body_read_ == head_.content_length.value_or(0);
}

bool Connection::gone() const {
  char byte = 0;
  const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void Connection::linger() {
  constexpr auto kPatience = std::chrono::seconds(2);
  ::shutdown(fd_, SHUT_WR);
  const auto until = Clock::now() + kPatience;
  std::array<char, kPiece> bin{};
  while (Clock::now() < until && wait(POLLIN, until) && ::recv(fd_, bin.data(), bin.size(), 0) > 0) {
  }
}

std::string Connection::peer() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  else if (address.ss_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text.data(),
                text.size());
  else
    return "local";
  return text.data();
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = peer();
  port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace san::serve
