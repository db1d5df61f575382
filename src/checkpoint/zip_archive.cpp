#include "checkpoint/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/reader_limit.h"
#include "checkpoint/byte_reader.h"

namespace san {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::size_t kLocalHeaderBytes = 30, kCentralHeaderBytes = 46, kEndBytes = 22,
                      kEnd64LocatorBytes = 20, kEnd64Bytes = 56, kMaxComment = 65535;
constexpr std::uint16_t kStored = 0, kDeflated = 8, kEncryptedFlag = 1, kZip64Extra = 1;
// Deflate cannot do better than this, so a larger claim is a lie.
constexpr std::uint64_t kMaxDeflateRatio = 1032;
constexpr std::uint64_t kMaxInflatedBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxEntries = 1'000'000, kMaxDirectoryBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kVerifiedAtOnce = std::uint64_t{4} << 20;

struct Directory {
  std::uint64_t count, size, offset;
};

// Offset of the end-of-directory record.
std::uint64_t find_end(const FileBytes& file) {
  const std::string& where = file.description();
  const std::uint64_t tail_bytes = std::min<std::uint64_t>(file.size(), kEndBytes + kMaxComment);
  const OwnedBytes tail = file.read(file.size() - tail_bytes, tail_bytes);
  for (std::size_t back = 0; back + kEndBytes <= tail.bytes.size(); ++back) {
    const std::size_t start = tail.bytes.size() - kEndBytes - back;
    ByteReader reader(tail.bytes.subspan(start), where);
    if (reader.take<std::uint32_t>() != kEnd) continue;
    reader.seek(kEndBytes - 2);
    if (reader.take<std::uint16_t>() == back) return file.size() - tail_bytes + start;
  }
  fail("{}: the zip directory at the end of the file is missing; is it cut off?", where);
}

Directory read_directory64(const FileBytes& file, std::uint64_t end) {
  const std::string& where = file.description();
  require(end >= kEnd64LocatorBytes, "{}: the zip64 directory is missing", where);
  const OwnedBytes locator_bytes = file.read(end - kEnd64LocatorBytes, kEnd64LocatorBytes);
  ByteReader locator(locator_bytes.bytes, where);
  require(locator.take<std::uint32_t>() == kEnd64Locator, "{}: the zip64 directory is missing", where);
  locator.take(4);
  const OwnedBytes record = file.read(locator.take<std::uint64_t>(), kEnd64Bytes);
  ByteReader reader(record.bytes, where);
  require(reader.take<std::uint32_t>() == kEnd64, "{}: the zip64 directory is damaged", where);
  reader.take(28);
  const auto count = reader.take<std::uint64_t>(), size = reader.take<std::uint64_t>();
  return {count, size, reader.take<std::uint64_t>()};
}

Directory read_directory(const FileBytes& file) {
  const std::string& where = file.description();
  const std::uint64_t end = find_end(file);
  const OwnedBytes record = file.read(end, kEndBytes);
  ByteReader reader(record.bytes, where);
  reader.take(4);
  const auto disk = reader.take<std::uint16_t>(), first_disk = reader.take<std::uint16_t>();
  const auto count_here = reader.take<std::uint16_t>(), count = reader.take<std::uint16_t>();
  const auto size = reader.take<std::uint32_t>(), offset = reader.take<std::uint32_t>();
  if (count == 0xffff || size == 0xffffffff || offset == 0xffffffff) return read_directory64(file, end);
  require(disk == 0 && first_disk == 0 && count_here == count,
          "{}: zip files in several parts are not supported", where);
  return {count, size, offset};
}

// Sizes that did not fit the 32-bit fields are in the zip64 extra, in this order, those that did fit left
// out.
void apply_zip64(ZipArchive::Entry& entry, std::span<const std::byte> extra, const std::string& where) {
  ByteReader reader(extra, where);
  while (reader.remaining() >= 4) {
    const auto id = reader.take<std::uint16_t>(), size = reader.take<std::uint16_t>();
    ByteReader field(reader.take(size), where);
    if (id != kZip64Extra) continue;
    for (auto* value : {&entry.size, &entry.compressed_size, &entry.header_offset})
      if (*value == 0xffffffff) *value = field.take<std::uint64_t>();
    return;
  }
}

std::shared_ptr<std::byte[]> inflate_raw(std::span<const std::byte> compressed, std::size_t size,
                                         const std::string& where) {
  auto out = std::make_shared_for_overwrite<std::byte[]>(std::max<std::size_t>(size, 1));
  z_stream stream{};
  require(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "{}: zlib cannot be initialised", where);
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> cleanup(&stream, inflateEnd);
  std::size_t consumed = 0, produced = 0;
  int status = Z_OK;
  constexpr std::size_t chunk = std::numeric_limits<uInt>::max();
  // One byte of room beyond the end makes an overlong stream visible.
  std::byte beyond{};
  while (status == Z_OK) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data() + consumed));
    stream.avail_in = static_cast<uInt>(std::min(compressed.size() - consumed, chunk));
    const bool full = produced >= size;
    stream.next_out = reinterpret_cast<Bytef*>(full ? &beyond : out.get() + produced);
    stream.avail_out = full ? 1 : static_cast<uInt>(std::min(size - produced, chunk));
    const uInt in_before = stream.avail_in, out_before = stream.avail_out;
    status = inflate(&stream, Z_NO_FLUSH);
    consumed += in_before - stream.avail_in;
    produced += out_before - stream.avail_out;
    if (produced > size || (in_before == stream.avail_in && out_before == stream.avail_out)) break;
  }
  require(status == Z_STREAM_END && produced == size, "{}: does not decompress to the {} bytes it claims",
          where, size);
  return out;
}

std::uint32_t extend_crc(std::uint32_t crc, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

bool ZipArchive::looks_like(const FileBytes& file) {
  return file.head(4).text() == "PK\x03\x04";
}

ZipArchive::ZipArchive(FileBytes file) : file_(std::move(file)) {
  const std::string& where = file_.description();
  const Directory directory = read_directory(file_);
  ReaderLimit(kMaxEntries).check(directory.count, where, "zip directory entries");
  ReaderLimit(kMaxDirectoryBytes).check(directory.size, where, "bytes of zip directory");
  const OwnedBytes listing = file_.read(directory.offset, directory.size);
  ByteReader reader(listing.bytes, where);
  require(directory.count <= directory.size / kCentralHeaderBytes,
          "{}: the zip directory of {} bytes cannot have {} entries", where, directory.size, directory.count);
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    require(reader.take<std::uint32_t>() == kCentralHeader, "{}: zip directory entry {} is damaged", where,
            i);
    reader.take(4);
    const auto flags = reader.take<std::uint16_t>();
    Entry entry;
    entry.method = reader.take<std::uint16_t>();
    reader.take(4);
    entry.crc32 = reader.take<std::uint32_t>();
    entry.compressed_size = reader.take<std::uint32_t>();
    entry.size = reader.take<std::uint32_t>();
    const auto name_size = reader.take<std::uint16_t>(), extra_size = reader.take<std::uint16_t>(),
               comment_size = reader.take<std::uint16_t>();
    reader.take(8);
    entry.header_offset = reader.take<std::uint32_t>();
    const std::string name(reader.take_text(name_size));
    apply_zip64(entry, reader.take(extra_size), where);
    reader.take(comment_size);
    require((flags & kEncryptedFlag) == 0, "{}: entry \"{}\" is encrypted", where, name);
    require(entries_.emplace(name, entry).second, "{}: the zip directory lists \"{}\" twice", where, name);
  }
}

const ZipArchive::Entry& ZipArchive::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  require(found != entries_.end(), "{}: the archive has no \"{}\"", description(), name);
  return found->second;
}

std::uint64_t ZipArchive::data_offset(const std::string& name, const Entry& entry) const {
  const OwnedBytes header = file_.read(entry.header_offset, kLocalHeaderBytes);
  ByteReader reader(header.bytes, description());
  require(reader.take<std::uint32_t>() == kLocalHeader, "{}: the header of \"{}\" is damaged", description(),
          name);
  reader.take(22);
  const auto name_size = reader.take<std::uint16_t>(), extra_size = reader.take<std::uint16_t>();
  const std::uint64_t name_offset = entry.header_offset + kLocalHeaderBytes;
  require(file_.read(name_offset, name_size).text() == name, "{}: the header of \"{}\" bears another name",
          description(), name);
  return name_offset + name_size + extra_size;
}

const ZipArchive::Entry& ZipArchive::checked_entry(const std::string& name, std::uint64_t limit_bytes) const {
  const Entry& e = entry(name);
  require(e.size <= limit_bytes, "{}: \"{}\" claims {} bytes, at most {} are expected", description(), name,
          e.size, limit_bytes);
  require(e.method == kStored || e.method == kDeflated,
          "{}: \"{}\" uses compression method {}, only deflate is supported", description(), name, e.method);
  if (e.method == kStored)
    require(e.size == e.compressed_size, "{}: \"{}\" has two different sizes", description(), name);
  if (e.method == kDeflated) {
    require(e.size / kMaxDeflateRatio <= e.compressed_size,
            "{}: \"{}\" claims {} bytes from {} compressed ones", description(), name, e.size,
            e.compressed_size);
    ReaderLimit(kMaxInflatedBytes)
        .check(e.size, fmt::format("{}: \"{}\"", description(), name), "bytes once decompressed");
  }
  return e;
}

void ZipArchive::require_checksum(const std::string& name, std::uint32_t computed) const {
  require(computed == entry(name).crc32, "{}: \"{}\" is damaged (its checksum does not match)", description(),
          name);
}

OwnedBytes ZipArchive::read(const std::string& name, std::uint64_t limit_bytes) const {
  const Entry& e = checked_entry(name, limit_bytes);
  OwnedBytes content = file_.read(data_offset(name, e), e.compressed_size);
  if (e.method == kDeflated) {
    const auto size = static_cast<std::size_t>(e.size);
    const auto data = inflate_raw(content.bytes, size, description() + ": " + name);
    content = {{data.get(), size}, {data, data.get()}};
  }
  require_checksum(name, extend_crc(0, content.bytes));
  return content;
}

void ZipArchive::verify_stored(const std::string& name, std::uint64_t limit_bytes) const {
  const Entry& e = checked_entry(name, limit_bytes);
  const std::uint64_t begin = data_offset(name, e);
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < e.size;) {
    const std::uint64_t part = std::min(e.size - done, kVerifiedAtOnce);
    crc = extend_crc(crc, file_.read(begin + done, part).bytes);
    done += part;
  }
  require_checksum(name, crc);
}

OwnedBytes ZipArchive::read_stored(const std::string& name, std::uint64_t offset, std::uint64_t count) const {
  const Entry& e = entry(name);
  require(e.method == kStored && offset <= e.size && count <= e.size - offset,
          "{}: \"{}\" has {} bytes, {} are needed at {}", description(), name, e.size, count, offset);
  return file_.read(data_offset(name, e) + offset, count);
}

bool ZipArchive::is_stored(const std::string& name) const {
  return entry(name).method == kStored;
}

}  // namespace san
