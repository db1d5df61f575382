#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "connection.h"
#include "listener.h"
#include "serve/http.h"
#include "serve/refusal.h"

namespace san::serve {

/// Takes connections, a thread each, and has their requests answered. The HTTP library reads bodies and
/// writes answers; heads and all limits are ours.
class HttpServer final : private httplib::Server {
 public:
  using Gone = std::function<bool()>;
  struct Handler {
    /// Before a body is read: throws Refusal when there is no use in it.
    std::function<void(const HttpRequest&)> admit;
    std::function<HttpAnswer(HttpRequest&, const Gone&)> answer;
    std::function<HttpAnswer(const std::string& path, const Refusal&)> refuse;
  };
  struct Settings {
    ConnectionLimits connection;
    std::size_t connections = 256;
    std::size_t bodies = std::size_t{256} << 20;  ///< bytes of all bodies that are held at once
  };

  HttpServer(Listener& listener, const Settings& options, Handler handler);
  ~HttpServer() override = default;

  /// Answers until `stop` is set, then takes no more and returns.
  void run(const std::atomic<bool>& stop);
  /// Waits until the last connection has ended; returns whether it did. Idle ones end at once.
  bool drain(std::chrono::milliseconds patience);
  /// Ends connections whatever they do.
  void hang_up();
  std::size_t connections() const;

 private:
  struct Call;
  void take(int fd);
  void talk(int fd);
  /// Returns whether another request may follow.
  bool talk_once(Connection& connection);
  void begin(httplib::Request& request);
  void handle(httplib::Response& response, const httplib::ContentReader* reader);
  void read_body(Call& call, const httplib::ContentReader& reader);
  std::string written(const HttpAnswer& answer) const;

  Listener& listener_;
  const Settings options_;
  const Handler handler_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::set<int> open_;
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<bool> stopping_{false};
  static thread_local Call* call_;
};

}  // namespace san::serve
