#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "image/sandbox/protocol.h"

namespace san::sandbox {

/// A file descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// One helper: its process, the socket to it and the two pieces of memory between. Ends with the object, at
/// once and without leaving a zombie.
class HelperProcess {
 public:
  /// Starts the program and waits until it says that it is ready. Throws Error naming the program.
  explicit HelperProcess(const std::filesystem::path& program);
  /// The helper reads this open file instead of what fill_input() is given.
  HelperProcess(const std::filesystem::path& program, Descriptor file);
  ~HelperProcess();
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;

  /// False when the helper has ended.
  bool send(const void* message, std::size_t size);
  /// Waits for a reply of the helper; false when it ended or `seconds` ran out: then ending() says how.
  bool receive(Reply& reply, double seconds);

  /// The encoded bytes and the name after them, for the helper to map.
  void fill_input(std::span<const std::byte> bytes, const std::string& name);
  /// Room for the result; what a large picture needed is given back at the next small one.
  void size_output(std::uint64_t bytes);
  /// The bytes of the result from `at` on.
  void read_output(std::span<std::byte> to, std::uint64_t at) const;

  /// For the next picture: processor time from now on, and memory beyond what the helper uses empty.
  void limit(double cpu_seconds, std::uint64_t memory_bytes);

  /// Kills the helper if need be and says why it ended, as the end of a sentence about it.
  std::string ending();

  pid_t id() const { return pid_; }
  std::uint32_t walls() const { return walls_; }
  /// No picture has been sent to it yet.
  bool is_new() const { return new_; }

 private:
  void start(const std::filesystem::path& program);
  void await_ready(const std::filesystem::path& program);
  void stop(int* status);

  Descriptor socket_, input_, output_, process_;
  pid_t pid_ = -1;
  pid_t owner_;  ///< a fork of the owner must leave the helper alone
  bool timed_out_ = false, new_ = true;
  std::uint32_t walls_ = 0;
  std::uint64_t empty_address_space_ = 0, output_bytes_ = 0;
};

}  // namespace san::sandbox
