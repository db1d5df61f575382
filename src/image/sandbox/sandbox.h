#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "image/sandbox/helper_process.h"
#include "image/sandbox/pixel_sink.h"
#include "san/image.hpp"

namespace san::sandbox {

/// What a helper says may be shown: one line without control characters.
std::string text_of(const Reply& reply);

struct Limits {
  std::int64_t max_pixels = 0;
  /// Of the helper for one picture: processor time and time on the clock.
  double cpu_seconds = 20, seconds = 120;
  /// What a helper may take beyond what it uses empty; 0: enough for any decoder of `max_pixels`.
  std::uint64_t memory_bytes = 0;
};

/// Runs decoders in helper processes that can do nothing but compute: a picture that crashes, loops or takes
/// over its decoder costs one Error, and the next picture gets a new helper. Helpers are started when first
/// needed and kept; as many as pictures are decoded at once. Safe to use from several threads.
class Sandbox {
 public:
  /// `program` is a name for find_private_file, or a path.
  explicit Sandbox(std::filesystem::path program);

  /// Throws Error that names the picture. The text of an error that the decoder found is the same as without
  /// a sandbox.
  void run(Task task, std::span<const std::byte> input, const std::string& name, const Limits& limits,
           const PixelSink& sink);

  /// The walls around helpers on this system, such as "resource limits, system call filter, landlock", and
  /// what is missing.
  std::string describe();

 private:
  std::unique_ptr<HelperProcess> acquire();
  void give_back(std::unique_ptr<HelperProcess> helper);

  std::filesystem::path program_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HelperProcess>> idle_;
  int owner_ = 0;  ///< the process that idle_ belongs to
};

}  // namespace san::sandbox
