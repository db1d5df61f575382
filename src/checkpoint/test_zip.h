#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/test_error.h"
#include "checkpoint/file_bytes.h"

namespace san::test {

/// A member of an archive made for a test; the optional fields forge what the archive claims.
struct ZipMember {
  std::string name, content;
  bool deflate = false;
  std::int64_t claimed_size = -1;
  std::uint16_t flags = 0, method = 0;
  bool zip64 = false;
};

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string deflate_raw(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zip_of(const std::vector<ZipMember>& members, const std::string& comment = "") {
  std::string file, directory;
  for (const auto& m : members) {
    const std::string stored = m.deflate ? deflate_raw(m.content) : m.content;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(m.content.data()), static_cast<uInt>(m.content.size())));
    const auto size = static_cast<std::uint64_t>(m.claimed_size < 0 ? m.content.size() : m.claimed_size);
    const auto method = static_cast<std::uint16_t>(m.method ? m.method : m.deflate ? 8 : 0);
    std::string extra;
    if (m.zip64) {
      put<std::uint16_t>(extra, 1);
      put<std::uint16_t>(extra, 16);
      put<std::uint64_t>(extra, size);
      put<std::uint64_t>(extra, stored.size());
    }
    const auto common = [&](std::string& out) {
      put<std::uint16_t>(out, 20);
      put<std::uint16_t>(out, m.flags);
      put<std::uint16_t>(out, method);
      put<std::uint32_t>(out, 0);
      put<std::uint32_t>(out, crc);
      put<std::uint32_t>(out, m.zip64 ? 0xffffffffu : static_cast<std::uint32_t>(stored.size()));
      put<std::uint32_t>(out, m.zip64 ? 0xffffffffu : static_cast<std::uint32_t>(size));
      put<std::uint16_t>(out, static_cast<std::uint16_t>(m.name.size()));
      put<std::uint16_t>(out, static_cast<std::uint16_t>(extra.size()));
    };
    const auto offset = static_cast<std::uint32_t>(file.size());
    put<std::uint32_t>(file, 0x04034b50);
    common(file);
    file += m.name + extra + stored;
    put<std::uint32_t>(directory, 0x02014b50);
    put<std::uint16_t>(directory, 20);
    common(directory);
    put<std::uint16_t>(directory, 0);
    put<std::uint64_t>(directory, 0);
    put<std::uint32_t>(directory, offset);
    directory += m.name + extra;
  }
  const auto offset = static_cast<std::uint32_t>(file.size());
  file += directory;
  put<std::uint32_t>(file, 0x06054b50);
  put<std::uint32_t>(file, 0);
  put<std::uint16_t>(file, static_cast<std::uint16_t>(members.size()));
  put<std::uint16_t>(file, static_cast<std::uint16_t>(members.size()));
  put<std::uint32_t>(file, static_cast<std::uint32_t>(directory.size()));
  put<std::uint32_t>(file, offset);
  put<std::uint16_t>(file, static_cast<std::uint16_t>(comment.size()));
  return file + comment;
}

inline FileBytes hold(const std::string& content, const std::string& name = "test") {
  std::vector<std::byte> bytes(content.size());
  if (!content.empty()) std::memcpy(bytes.data(), content.data(), content.size());
  return FileBytes::hold(std::move(bytes), name);
}

}  // namespace san::test
