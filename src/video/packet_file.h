#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "video/libav.h"

/// Coded packets between their encoder and the file that they are for: all they carry, with exact times,
/// whatever containers make of those.
namespace san::video {

/// The file has its name when finish() has returned. Throws Error with the path.
class PacketWriter {
 public:
  /// `head`: what a decoder needs before the first packet.
  PacketWriter(const std::filesystem::path& path, std::span<const std::uint8_t> head);
  void write(const AVPacket& packet, int stream);
  void finish() { file_.commit(); }

 private:
  AtomicFile file_;
  std::string record_;
};

/// Throws Error with the path on what a PacketWriter did not write.
class PacketReader {
 public:
  explicit PacketReader(const std::filesystem::path& path);
  const std::vector<std::uint8_t>& head() const { return head_; }
  /// The next packet, with its stream as stream_index. False at the end.
  bool read(AVPacket& packet);

 private:
  template <class T>
  T value();
  void bytes(void* to, std::size_t count);

  std::string name_;
  std::ifstream file_;
  std::uint64_t left_ = 0;
  std::vector<std::uint8_t> head_;
};

}  // namespace san::video
