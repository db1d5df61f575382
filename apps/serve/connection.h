#pragma once
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "serve/chunks.h"
#include "serve/http_head.h"

namespace san::serve {

struct ConnectionLimits {
  std::chrono::milliseconds idle{15000};   ///< between two requests
  std::chrono::milliseconds head{10000};   ///< from a head's first byte to its last
  std::chrono::milliseconds stall{10000};  ///< without a byte, either way
  std::uint64_t bytes_per_second =
      4096;  ///< of a body or an answer, on the average of all but the first seconds
  std::size_t body_bytes = 0;
  HeadLimits head_size;
};

/// One connection as the HTTP library sees it: heads that were checked, bodies within their limits, and
/// clients that are neither too slow nor gone.
class Connection final : public httplib::Stream {
 public:
  Connection(int fd, const ConnectionLimits& limits) : fd_(fd), limits_(limits) {}

  enum class Next { kRequest, kClosed, kStopped };
  /// Waits for the next head and takes it; `stopping` ends the wait between requests. Throws Refusal.
  Next next(const std::atomic<bool>& stopping);
  const HttpHead& head() const { return head_; }
  /// From now on reads give the library a head of our own making, with nothing in it that it would act on and
  /// we would not, and then the body.
  void begin_body();

  /// Whether the client closed its end, without waiting.
  bool gone() const;
  /// Whether all of the body was read, and nothing else.
  bool body_complete() const;
  /// Why reading or writing failed: 400, 408, 413, or 0 for a client that left.
  int failure() const { return failure_; }
  bool failed() const { return failed_; }
  std::string peer() const;
  /// Writes an answer of our own, past the library.
  void answer(std::string_view text);
  /// Lets the client read the answer before the connection ends, whatever it still sends.
  void linger();

  bool is_readable() const override { return !failed_; }
  bool is_writable() const override { return !failed_ || failure_ != 0; }
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return fd_; }

 private:
  using Clock = std::chrono::steady_clock;
  bool wait(short events, Clock::time_point until) const;
  /// Bytes more in `arrived_`; false at the end and at the deadline.
  bool fill(Clock::time_point until);
  Clock::time_point deadline(Clock::time_point began, std::uint64_t bytes) const;
  ssize_t fail(int status);

  const int fd_;
  const ConnectionLimits& limits_;
  HttpHead head_;
  ChunkWatch chunks_;
  std::string arrived_;    // and not yet taken
  std::size_t taken_ = 0;  // of arrived_
  std::string given_;      // the head for the library
  std::size_t given_taken_ = 0;
  std::uint64_t body_read_ = 0, written_ = 0;
  Clock::time_point body_began_{}, write_began_{};
  bool failed_ = false;
  int failure_ = 0;
};

}  // namespace san::serve
