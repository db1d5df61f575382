#include "http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/log.h"

namespace san::serve {

struct HttpServer::Call {
  Connection& connection;
  HttpRequest request;
  bool body_taken = false;
  std::size_t held = 0;  // of all bodies
};

thread_local HttpServer::Call* HttpServer::call_ = nullptr;

HttpServer::HttpServer(Listener& listener, const Settings& options, Handler handler)
    : listener_(listener), options_(options), handler_(std::move(handler)) {
  const auto plain = [this](const httplib::Request&, httplib::Response& res) { handle(res, nullptr); };
  const auto reading = [this](const httplib::Request&, httplib::Response& res,
                              const httplib::ContentReader& reader) { handle(res, &reader); };
  // begin() gives every request the same path: the library's own routing walks regular expressions.
  Get("/", plain);
  httplib::Server::Options("/", plain);
  Post("/", reading);
  Put("/", reading);
  Patch("/", reading);
  Delete("/", reading);
  set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(options.connection.idle).count());
  set_keep_alive_max_count(1000);
  set_error_handler([this](const httplib::Request&, httplib::Response& res) {
    if (!res.body.empty() || call_ == nullptr) return;
    const HttpAnswer answer = handler_.refuse(
        call_->request.path, Refusal(res.status, "bad_request", "this request is not understood"));
    res.body = answer.body;
    res.set_header("Content-Type", answer.type);
    res.set_header("Connection", "close");
  });
}

void HttpServer::run(const std::atomic<bool>& stop) {
  constexpr int kLook_ms = 100;
  while (!stop) {
    pollfd p{listener_.fd(), POLLIN, 0};
    if (::poll(&p, 1, kLook_ms) <= 0) continue;
    const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) take(fd);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
      ::poll(nullptr, 0, kLook_ms);  // until some end
  }
  stopping_ = true;
}

void HttpServer::take(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    room = open_.size() < options_.connections;
    if (room) open_.insert(fd);
  }
  try {
    if (!room) refuse_for_now(503, "busy", "too many connections; try again later", 1);
    std::thread([this, fd] { talk(fd); }).detach();
    return;
  } catch (const Refusal& r) {
    const std::string text = written(handler_.refuse("", r));
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } catch (const std::system_error&) {  // no more threads
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
  }
  ::close(fd);
}

void HttpServer::talk(int fd) {
  try {
    Connection connection(fd, options_.connection);
    while (talk_once(connection)) {
    }
  } catch (const std::exception& e) {
    log::error("a connection failed: {}", e.what());
  }
  const std::lock_guard lock(mutex_);
  open_.erase(fd);
  ::close(fd);
  ended_.notify_all();
}

bool HttpServer::talk_once(Connection& connection) {
  Call call{connection, {}};
  try {
    if (connection.next(stopping_) != Connection::Next::kRequest) return false;
  } catch (const Refusal& r) {
    connection.answer(written(handler_.refuse("", r)));
    connection.linger();
    return false;
  }
  const HttpHead& head = connection.head();
  call.request.headers = head.headers;
  call.request.peer = connection.peer();
  connection.begin_body();
  call_ = &call;
  bool closed = false;
  const bool written = process_request(connection, !head.keep_alive || stopping_, closed,
                                       [this](httplib::Request& request) { begin(request); });
  call_ = nullptr;
  body_bytes_ -= call.held;
  if (connection.failed() && connection.failure() == 0) return false;
  const bool clean = !head.has_body() || call.body_taken;
  if (!clean) connection.linger();
  return written && clean && !closed && head.keep_alive && !connection.failed() && !stopping_;
}

void HttpServer::begin(httplib::Request& request) {
  call_->request.method = request.method;
  call_->request.path.swap(request.path);
  request.path.assign(1, '/');
  for (const auto& [name, value] : request.params) call_->request.query.emplace(name, value);
}

void HttpServer::read_body(Call& call, const httplib::ContentReader& reader) {
  std::string& body = call.request.body;
  const std::size_t most = options_.connection.body_bytes;
  bool crowded = false, too_large = false;
  call.body_taken = reader([&](const char* data, std::size_t size) {
    too_large = body.size() + size > most;
    if (too_large) return false;
    call.held += size;
    crowded = (body_bytes_ += size) > options_.bodies;
    if (crowded) return false;
    body.append(data, size);
    return true;
  });
  call.body_taken = call.body_taken && call.connection.body_complete();
  if (call.body_taken) return;
  if (crowded) refuse_for_now(503, "busy", "too many requests are being read; try again later", 1);
  const int failure = call.connection.failure();
  if (failure == 408) refuse(408, "timeout", "", "the body did not arrive in time");
  if (too_large || failure == 413) refuse(413, "body_too_large", "", "a body of more than {} bytes", most);
  refuse(400, "bad_request", "", "the body ends too early, or its chunks are damaged");
}

void HttpServer::handle(httplib::Response& response, const httplib::ContentReader* reader) {
  Call& call = *call_;
  HttpAnswer answer;
  try {
    handler_.admit(call.request);
    if (reader != nullptr && call.connection.head().has_body()) read_body(call, *reader);
    answer = handler_.answer(call.request, [&call] { return call.connection.gone(); });
  } catch (const Refusal& r) {
    answer = handler_.refuse(call.request.path, r);
  }
  response.status = answer.status;
  response.body = std::move(answer.body);
  if (!answer.type.empty()) response.set_header("Content-Type", answer.type);
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  if (call.connection.head().has_body() && !call.body_taken) response.set_header("Connection", "close");
}

std::string HttpServer::written(const HttpAnswer& answer) const {
  std::string text =
      fmt::format("HTTP/1.1 {} Refused\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
                  answer.status, answer.type, answer.body.size());
  for (const auto& [name, value] : answer.headers)
    text.append(name).append(": ").append(value).append("\r\n");
  return text.append("\r\n").append(answer.body);
}

bool HttpServer::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [&] { return open_.empty(); });
}

void HttpServer::hang_up() {
  const std::lock_guard lock(mutex_);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

std::size_t HttpServer::connections() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

}  // namespace san::serve
