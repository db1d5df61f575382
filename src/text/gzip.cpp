#include "text/gzip.h"

#include <zlib.h>

#include <array>

#include "base/error.h"
#include "base/reader_limit.h"

namespace san {
namespace {

class Inflater {
 public:
  explicit Inflater(const std::string& where) {
    constexpr int kGzipOnly = 16;
    require(inflateInit2(&stream_, kGzipOnly + MAX_WBITS) == Z_OK, "{}: cannot start decompression", where);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::string_view content) {
  return content.starts_with("\x1f\x8b");
}

std::string gunzip(std::string_view content, const std::string& where, std::size_t limit_bytes) {
  const ReaderLimit limit(limit_bytes);
  limit.check(content.size(), where, "bytes compressed");
  Inflater inflater(where);
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  std::string out;
  std::array<char, 1 << 16> chunk;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    require(status == Z_OK || status == Z_STREAM_END, "{}: the gzip data is damaged or cut off ({})", where,
            stream.msg ? stream.msg : "unexpected end");
    out.append(chunk.data(), chunk.size() - stream.avail_out);
    limit.check(out.size(), where, "bytes once decompressed");
  }
  return out;
}

}  // namespace san
