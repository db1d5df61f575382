#include "prepare/mat_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"

namespace san {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kMaxElementBytes = 8, kVariableHeaderBytes = 4096;

enum Type : std::uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kUint16 = 4,
  kInt32 = 5,
  kUint32 = 6,
  kSingle = 7,
  kDouble = 9,
  kInt64 = 12,
  kUint64 = 13,
  kMatrix = 14,
  kCompressed = 15,
};

struct Element {
  std::uint32_t type = 0;
  Bytes data;
};

/// Walks the tagged elements of a block of bytes.
class Reader {
 public:
  Reader(Bytes bytes, bool swap, const std::string& where) : bytes_(bytes), swap_(swap), where_(where) {}

  bool at_end() const { return bytes_.empty(); }
  bool swaps() const { return swap_; }

  template <class T>
  T value(Bytes from, std::size_t index) const {
    std::array<std::byte, sizeof(T)> raw;
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(index * sizeof(T)), sizeof(T), raw.begin());
    if (swap_) std::ranges::reverse(raw);
    return std::bit_cast<T>(raw);
  }

  Element next() {
    require(bytes_.size() >= 8, "{}: the MAT-file ends inside an element's tag", where_);
    const auto word = value<std::uint32_t>(bytes_, 0);
    // Small elements keep size and type in one word and up to 4 bytes of data in the next.
    if (word >> 16) {
      const Element small{word & 0xffff, bytes_.subspan(4, std::min<std::size_t>(word >> 16, 4))};
      require(word >> 16 <= 4, "{}: a small element of {} bytes in the MAT-file", where_, word >> 16);
      bytes_ = bytes_.subspan(8);
      return small;
    }
    const std::size_t size = value<std::uint32_t>(bytes_, 1);
    require(size <= bytes_.size() - 8, "{}: an element of {} bytes with {} left in the MAT-file", where_,
            size, bytes_.size() - 8);
    const Element element{word, bytes_.subspan(8, size)};
    // Everything but compressed data is padded to 8 bytes; writers may leave out the padding of the last one.
    const std::size_t padded = word == kCompressed ? size : (size + 7) / 8 * 8;
    bytes_ = bytes_.subspan(std::min(8 + padded, bytes_.size()));
    return element;
  }

 private:
  Bytes bytes_;
  bool swap_;
  const std::string& where_;
};

/// What all variables of a file may take together.
struct Budget {
  std::size_t limit, left;
};

std::vector<std::byte> inflate_all(Bytes compressed, Budget& budget, const std::string& where) {
  z_stream stream{};
  require(inflateInit(&stream) == Z_OK, "{}: zlib cannot start", where);
  struct Ender {
    z_stream& stream;
    ~Ender() { inflateEnd(&stream); }
  } const ender{stream};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::vector<std::byte> out;
  std::array<std::byte, 65536> chunk;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    require(status == Z_OK || status == Z_STREAM_END, "{}: damaged compressed data in the MAT-file: {}",
            where, stream.msg ? stream.msg : "it ends early");
    out.insert(out.end(), chunk.begin(), chunk.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
    require(out.size() <= budget.left,
            "{}: variables of more than {} bytes in the MAT-file, 8 for each pixel of --max-pixels", where,
            budget.limit);
  }
  budget.left -= out.size();
  return out;
}

double number(const Reader& reader, const Element& element, std::size_t i) {
  switch (element.type) {
    case kInt8:
      return reader.value<std::int8_t>(element.data, i);
    case kUint8:
      return reader.value<std::uint8_t>(element.data, i);
    case kInt16:
      return reader.value<std::int16_t>(element.data, i);
    case kUint16:
      return reader.value<std::uint16_t>(element.data, i);
    case kInt32:
      return reader.value<std::int32_t>(element.data, i);
    case kUint32:
      return reader.value<std::uint32_t>(element.data, i);
    case kSingle:
      return reader.value<float>(element.data, i);
    case kDouble:
      return reader.value<double>(element.data, i);
    case kInt64:
      return static_cast<double>(reader.value<std::int64_t>(element.data, i));
    default:
      return static_cast<double>(reader.value<std::uint64_t>(element.data, i));
  }
}

std::size_t number_bytes(std::uint32_t type) {
  switch (type) {
    case kInt8:
    case kUint8:
      return 1;
    case kInt16:
    case kUint16:
      return 2;
    case kInt32:
    case kUint32:
    case kSingle:
      return 4;
    case kDouble:
    case kInt64:
    case kUint64:
      return 8;
    default:
      return 0;
  }
}

/// The map when this matrix element is the wanted variable.
std::optional<LabelMap> read_matrix(Reader reader, std::string_view wanted, const std::string& where,
                                    std::size_t max_elements) {
  if (reader.at_end()) return {};  // an empty placeholder, as written for deleted variables
  const Element flags = reader.next(), dimensions = reader.next(), name = reader.next();
  const std::string_view found(reinterpret_cast<const char*>(name.data.data()), name.data.size());
  if (found != wanted) return {};
  require(flags.type == kUint32 && flags.data.size() >= 4, "{}: variable {}: malformed array flags", where,
          wanted);
  const auto bits = reader.value<std::uint32_t>(flags.data, 0);
  const auto array_class = bits & 0xff;
  constexpr std::uint32_t kComplexFlag = 0x800, kFirstNumericClass = 6, kLastNumericClass = 15;
  require(array_class >= kFirstNumericClass && array_class <= kLastNumericClass && !(bits & kComplexFlag),
          "{}: variable {} has array class {}{}; expected a real full numeric array", where, wanted,
          array_class, bits & kComplexFlag ? " (complex)" : "");
  require(dimensions.type == kInt32 && dimensions.data.size() == 8, "{}: variable {} is not two-dimensional",
          where, wanted);
  const auto height = reader.value<std::int32_t>(dimensions.data, 0);
  const auto width = reader.value<std::int32_t>(dimensions.data, 1);
  require(height > 0 && width > 0 &&
              static_cast<std::size_t>(height) <= max_elements / static_cast<std::size_t>(width),
          "{}: variable {} is {}x{}; expected 1 to {} elements (raise the limit of pixels if it is meant)",
          where, wanted, height, width, max_elements);
  const Element values = reader.next();
  const auto count = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  const std::size_t each = number_bytes(values.type);
  require(each > 0 && values.data.size() == count * each,
          "{}: variable {} ({}x{}) holds {} bytes of element type {}; expected {} numbers", where, wanted,
          height, width, values.data.size(), values.type, count);
  LabelMap map(height, width);
  std::size_t i = 0;
  for (int x = 0; x < width; ++x)
    for (int y = 0; y < height; ++y) {
      const double v = number(reader, values, i++);
      require(v >= 0 && v <= 65535 && v == std::floor(v),
              "{}: variable {} holds {} at row {}, column {}; expected labels 0 to 65535", where, wanted, v,
              y, x);
      map.row(y)[x] = static_cast<std::uint16_t>(v);
    }
  return map;
}

}  // namespace

LabelMap parse_mat_label_map(Bytes file, std::string_view name, const std::string& where,
                             std::int64_t max_pixels) {
  require(file.size() >= kHeaderBytes, "{}: {} bytes are no MAT-file", where, file.size());
  const auto mark = [&](std::size_t at) { return std::to_integer<char>(file[at]); };
  // The version word and "MI" are written in the writer's byte order.
  const bool little = mark(126) == 'I' && mark(127) == 'M', big = mark(126) == 'M' && mark(127) == 'I';
  require((little && mark(125) == 1) || (big && mark(124) == 1),
          "{}: no level 5 MAT-file (version 7.3 files are HDF5: save them again with -v7)", where);
  const bool swap = little != (std::endian::native == std::endian::little);
  Reader reader(file.subspan(kHeaderBytes), swap, where);
  const auto max_elements = static_cast<std::size_t>(std::max<std::int64_t>(0, max_pixels));
  const std::size_t limit = max_elements * kMaxElementBytes + kVariableHeaderBytes;
  Budget budget{limit, limit};
  while (!reader.at_end()) {
    const Element element = reader.next();
    if (element.type == kMatrix) {
      if (auto map = read_matrix(Reader(element.data, swap, where), name, where, max_elements))
        return std::move(*map);
    } else if (element.type == kCompressed) {
      const auto content = inflate_all(element.data, budget, where);
      const Element inner = Reader(content, swap, where).next();
      if (inner.type != kMatrix) continue;
      if (auto map = read_matrix(Reader(inner.data, swap, where), name, where, max_elements))
        return std::move(*map);
    }
  }
  fail("{}: the MAT-file has no variable '{}'", where, name);
}

LabelMap read_mat_label_map(const std::filesystem::path& path, std::string_view name,
                            const DecodeOptions& options) {
  return parse_mat_label_map(read_file(path, options.max_bytes).bytes, name, path.string(),
                             options.max_pixels);
}

}  // namespace san
