#include "video/packet_file.h"

#include <cstring>

#include "base/error.h"
#include "base/utf8.h"

namespace san::video {
namespace {

constexpr std::string_view kMagic = "san packets 1\n";
constexpr std::uint32_t kMostSideData = 64, kMostBytes = 1u << 30;

template <class T>
void append(std::string& record, T value) {
  record.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void append(std::string& record, const std::uint8_t* bytes, std::size_t count) {
  record.append(reinterpret_cast<const char*>(bytes), count);
}

}  // namespace

PacketWriter::PacketWriter(const std::filesystem::path& path, std::span<const std::uint8_t> head)
    : file_(path), record_(kMagic) {
  append(record_, static_cast<std::uint32_t>(head.size()));
  append(record_, head.data(), head.size());
  file_.write(record_);
}

void PacketWriter::write(const AVPacket& packet, int stream) {
  record_.clear();
  append(record_, std::int32_t{stream});
  append(record_, std::int32_t{packet.flags});
  for (const std::int64_t time : {packet.pts, packet.dts, packet.duration}) append(record_, time);
  append(record_, static_cast<std::uint32_t>(packet.size));
  append(record_, static_cast<std::uint32_t>(packet.side_data_elems));
  append(record_, packet.data, static_cast<std::size_t>(packet.size));
  for (int i = 0; i < packet.side_data_elems; ++i) {
    const AVPacketSideData& side = packet.side_data[i];
    append(record_, static_cast<std::uint32_t>(side.type));
    append(record_, static_cast<std::uint32_t>(side.size));
    append(record_, side.data, side.size);
  }
  file_.write(record_);
}

PacketReader::PacketReader(const std::filesystem::path& path)
    : name_(printable(path.string())), file_(path, std::ios::binary) {
  std::error_code error;
  left_ = std::filesystem::file_size(path, error);
  require(file_.is_open() && !error, "{}: cannot be read; begin anew", name_);
  std::string magic(kMagic.size(), '\0');
  bytes(magic.data(), magic.size());
  require(magic == kMagic, "{}: not a part of a video; begin anew", name_);
  head_.resize(value<std::uint32_t>() % kMostBytes);
  bytes(head_.data(), head_.size());
}

void PacketReader::bytes(void* to, std::size_t count) {
  require(count <= left_, "{}: damaged: {} bytes are left, {} expected; begin anew", name_, left_, count);
  file_.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
  require(file_.good(), "{}: cannot be read; begin anew", name_);
  left_ -= count;
}

template <class T>
T PacketReader::value() {
  T read{};
  bytes(&read, sizeof read);
  return read;
}

bool PacketReader::read(AVPacket& packet) {
  if (left_ == 0) return false;
  av_packet_unref(&packet);
  const auto stream = value<std::int32_t>(), flags = value<std::int32_t>();
  const auto pts = value<std::int64_t>(), dts = value<std::int64_t>(), duration = value<std::int64_t>();
  const auto size = value<std::uint32_t>(), sides = value<std::uint32_t>();
  require(size <= left_ && size < kMostBytes && sides <= kMostSideData,
          "{}: damaged: a packet of {} bytes; begin anew", name_, size);
  if (av_new_packet(&packet, static_cast<int>(size)) < 0) throw std::bad_alloc();
  bytes(packet.data, size);
  packet.stream_index = stream, packet.flags = flags;
  packet.pts = pts, packet.dts = dts, packet.duration = duration;
  for (std::uint32_t i = 0; i < sides; ++i) {
    const auto type = value<std::uint32_t>(), count = value<std::uint32_t>();
    require(type < AV_PKT_DATA_NB && count <= left_ && count < kMostBytes, "{}: damaged; begin anew", name_);
    std::uint8_t* side = av_packet_new_side_data(&packet, static_cast<AVPacketSideDataType>(type), count);
    bytes(made(side), count);
  }
  return true;
}

}  // namespace san::video
