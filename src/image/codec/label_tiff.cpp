#include <zlib.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/labels.h"
#include "san/tiff.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;

constexpr int kRowsPerStrip = 64;
/// Above so many bytes of labels, offsets take 64 bit: compression may enlarge them a little.
constexpr std::uint64_t kClassicBytes = (std::uint64_t{1} << 32) - (std::uint64_t{1} << 28);

enum Type : std::uint16_t { kShort = 3, kLong = 4, kLong8 = 16 };

std::vector<std::byte> packed(std::uint64_t value, std::size_t bytes) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> 8 * i));
  return out;
}

}  // namespace

/// TIFF 6.0, and BigTIFF where `wide`: strips, then the directory that points to them.
struct LabelTiff::Impl {
  struct Field {
    std::uint16_t tag, type;
    std::uint64_t count;
    std::vector<std::byte> values;
  };

  Impl(const fs::path& where, int h, int w, int class_count, std::span<const Rgb> colors,
       const Georeference& g, bool big)
      : path(where),
        part(where.string() + ".part"),
        height(h),
        width(w),
        classes(class_count),
        sample_bytes(class_count <= 256     ? 1
                     : class_count <= 65536 ? 2
                                            : 4),
        wide(big || static_cast<std::uint64_t>(h) * static_cast<std::uint64_t>(w) *
                            static_cast<std::uint64_t>(sample_bytes) >
                        kClassicBytes),
        palette(colors.begin(), colors.end()),
        geo(g) {
    require(h > 0 && w > 0 && class_count > 0 && class_count <= kMaxClasses,
            "{}: a label map of {}x{} pixels, {} classes", where.string(), w, h, class_count);
    require(palette.empty() || (sample_bytes == 1 && palette.size() <= 256),
            "{}: a palette of {} colours for {} classes", where.string(), palette.size(), class_count);
    file.open(part, std::ios::binary | std::ios::trunc);
    require(file.good(), "{}: cannot be written", part.string());
    put(wide ? std::vector<std::byte>{std::byte{'I'}, std::byte{'I'}, std::byte{43}, std::byte{0},
                                      std::byte{8}, std::byte{0}, std::byte{0}, std::byte{0}}
             : std::vector<std::byte>{std::byte{'I'}, std::byte{'I'}, std::byte{42}, std::byte{0}});
    put(packed(0, offset_bytes()));  // where the directory lies: known at the end
  }
  ~Impl() {
    if (done) return;
    file.close();
    std::error_code ignored;
    fs::remove(part, ignored);
  }

  std::size_t offset_bytes() const { return wide ? 8 : 4; }

  void put(std::span<const std::byte> bytes) {
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    require(file.good(), "{}: cannot be written; is there room on the disk?", part.string());
    at += bytes.size();
  }

  void strip() {
    std::vector<std::byte> small(::compressBound(static_cast<uLong>(rows.size())));
    uLongf size = static_cast<uLongf>(small.size());
    require(
        ::compress2(reinterpret_cast<Bytef*>(small.data()), &size,
                    reinterpret_cast<const Bytef*>(rows.data()), static_cast<uLong>(rows.size()), 6) == Z_OK,
        "{}: no memory to compress {} bytes", part.string(), rows.size());
    offsets.push_back(at);
    sizes.push_back(size);
    put(std::span(small).first(size));
    rows.clear();
  }

  Field numbers(std::uint16_t tag, std::uint16_t type, std::span<const std::uint64_t> values) const {
    Field field{tag, type, values.size(), {}};
    for (const std::uint64_t value : values) {
      const auto bytes = packed(value, type == kShort ? 2 : type == kLong ? 4 : 8);
      field.values.insert(field.values.end(), bytes.begin(), bytes.end());
    }
    return field;
  }
  Field number(std::uint16_t tag, std::uint16_t type, std::uint64_t value) const {
    return numbers(tag, type, {&value, 1});
  }

  std::vector<Field> fields() const {
    const std::uint16_t offset = wide ? kLong8 : kLong;
    std::vector<Field> all{number(256, kLong, static_cast<std::uint64_t>(width)),
                           number(257, kLong, static_cast<std::uint64_t>(height)),
                           number(258, kShort, 8 * static_cast<std::uint64_t>(sample_bytes)),
                           number(259, kShort, 8),                        // Deflate
                           number(262, kShort, palette.empty() ? 1 : 3),  // grey or palette
                           numbers(273, offset, offsets),
                           number(277, kShort, 1),
                           number(278, kLong, kRowsPerStrip),
                           numbers(279, offset, sizes),
                           number(339, kShort, 1)};  // unsigned
    if (!palette.empty()) {
      std::vector<std::uint64_t> map(3 * 256);
      for (std::size_t i = 0; i < palette.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c) map[256 * c + i] = std::uint64_t{257} * palette[i][c];
      all.push_back(numbers(320, kShort, map));
    }
    for (const auto& tag : geo.tags) all.push_back({tag.tag, tag.type, tag.count, tag.values});
    std::ranges::sort(all, {}, &Field::tag);
    return all;
  }

  void directory() {
    const std::vector<Field> all = fields();
    std::vector<std::byte> entries = packed(all.size(), wide ? 8 : 2);
    const auto append = [&](const std::vector<std::byte>& bytes) {
      entries.insert(entries.end(), bytes.begin(), bytes.end());
    };
    for (const Field& field : all) {
      append(packed(field.tag, 2));
      append(packed(field.type, 2));
      append(packed(field.count, offset_bytes()));
      std::vector<std::byte> value = field.values;
      if (value.size() > offset_bytes()) {
        if (at % 8 != 0) put(std::vector<std::byte>(8 - at % 8));
        value = packed(at, offset_bytes());
        put(field.values);
      }
      value.resize(offset_bytes());
      append(value);
    }
    append(packed(0, offset_bytes()));  // no other
    if (at % 8 != 0) put(std::vector<std::byte>(8 - at % 8));
    const std::uint64_t here = at;
    put(entries);
    file.seekp(wide ? 8 : 4);
    put(packed(here, offset_bytes()));
  }

  fs::path path, part;
  int height, width, classes, sample_bytes;
  bool wide, done = false;
  std::vector<Rgb> palette;
  Georeference geo;
  std::ofstream file;
  std::uint64_t at = 0;
  int added = 0;
  std::vector<std::byte> rows;  ///< of the strip to come
  std::vector<std::uint64_t> offsets, sizes;
};

LabelTiff::LabelTiff(const fs::path& path, int height, int width, int classes, std::span<const Rgb> palette,
                     const Georeference& georeference, bool big_tiff)
    : impl_(std::make_unique<Impl>(path, height, width, classes, palette, georeference, big_tiff)) {}
LabelTiff::~LabelTiff() = default;
LabelTiff::LabelTiff(LabelTiff&&) noexcept = default;
LabelTiff& LabelTiff::operator=(LabelTiff&&) noexcept = default;

void LabelTiff::add(const LabelMap& map) {
  Impl& t = *impl_;
  require(map.width == t.width && map.height <= t.height - t.added,
          "{}: rows of {}x{} labels after {} rows of a map of {}x{}", t.path.string(), map.width, map.height,
          t.added, t.width, t.height);
  for (int y = 0; y < map.height; ++y) {
    const std::span labels(map.row(y), static_cast<std::size_t>(map.width));
    const Label highest = std::ranges::max(labels);
    require(highest < static_cast<Label>(t.classes), "{}: label {} of {} classes", t.path.string(), highest,
            t.classes);
    const std::size_t begin = t.rows.size(), step = static_cast<std::size_t>(t.sample_bytes);
    t.rows.resize(begin + labels.size() * step);
    std::byte* to = &t.rows[begin];
    for (std::size_t b = 0; b < step; ++b)
      for (std::size_t x = 0; x < labels.size(); ++x)
        to[x * step + b] = static_cast<std::byte>(labels[x] >> 8 * b);
    ++t.added;
    if (t.added % kRowsPerStrip == 0 || t.added == t.height) t.strip();
  }
}

void LabelTiff::finish() {
  Impl& t = *impl_;
  require(t.added == t.height, "{}: {} of {} rows of labels are there", t.path.string(), t.added, t.height);
  t.directory();
  t.file.close();
  require(!t.file.fail(), "{}: cannot be written; is there room on the disk?", t.part.string());
  fs::rename(t.part, t.path);
  t.done = true;
}

}  // namespace san
