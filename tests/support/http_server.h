#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace san::testing {

/// A server on the loopback interface whose every byte the test decides: what real servers do not send, too.
class HttpServer {
 public:
  struct Request {
    std::string method, target;  ///< the target as it came: a path, or a whole address to a proxy
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string header(const std::string& name) const;
  };
  /// One connection; it is closed when the handler returns.
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    void send(std::string_view bytes);
    /// Status line, the given headers, Content-Length (unless the headers have one), the body.
    void answer(int status, const std::vector<std::string>& headers, std::string_view body,
                bool head_only = false);

   private:
    int fd_;
  };
  using Handler = std::function<void(const Request&, Connection&)>;

  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:PORT" without a slash at the end.
  std::string address() const;
  std::vector<Request> requests() const;

 private:
  void serve();
  void talk(int fd);

  Handler handler_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<std::thread> talks_;
  std::thread thread_;
};

/// `bytes` as a server with ranges would answer: 206 to "Range: bytes=N-", else 200.
void answer_with_ranges(const HttpServer::Request& request, HttpServer::Connection& connection,
                        std::string_view bytes, std::vector<std::string> headers = {});

}  // namespace san::testing
