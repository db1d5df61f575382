#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/private_file.h"
#include "image/crop.h"
#include "image/sandbox/helper_process.h"
#include "image/sandbox/sandbox.h"
#include "san/tiff.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;
using sandbox::Task;

/// Of one request: what libtiff makes of the rows, and the rows.
constexpr std::uint64_t kBytesPerPixel = 16, kFixedBytes = std::uint64_t{768} << 20;
constexpr std::int64_t kPixelsAtOnce = std::int64_t{1} << 23;
constexpr double kCpuSeconds = 120, kSeconds = 600;
constexpr std::size_t kMostFactBytes = std::size_t{1} << 20;

std::uint32_t at16(const Georeference::Tag& tag, std::size_t index) {
  std::uint16_t value = 0;
  std::memcpy(&value, tag.values.data() + 2 * index, 2);
  return value;
}

std::vector<double> doubles(const Georeference& g, std::uint16_t number) {
  for (const auto& tag : g.tags) {
    if (tag.tag != number || tag.values.size() % 8 != 0) continue;
    std::vector<double> values(tag.values.size() / 8);
    std::memcpy(values.data(), tag.values.data(), tag.values.size());
    return values;
  }
  return {};
}

/// The value of a key in GeoTIFF's directory that is a number; 0: not there.
std::uint32_t geo_key(const Georeference& g, std::uint32_t key) {
  for (const auto& tag : g.tags) {
    if (tag.tag != 34735) continue;
    const std::size_t entries = tag.values.size() / 8;  // of four 16 bit numbers; the first counts them
    for (std::size_t e = 1; e < entries; ++e)
      if (at16(tag, 4 * e) == key && at16(tag, 4 * e + 1) == 0) return at16(tag, 4 * e + 3);
  }
  return 0;
}

void interpret(Georeference& g) {
  constexpr std::uint32_t kRasterType = 1025, kGeographic = 2048, kProjected = 3072, kPointIsPixel = 2,
                          kUserDefined = 32767;
  const auto scale = doubles(g, 33550), tie = doubles(g, 33922), matrix = doubles(g, 34264);
  if (matrix.size() == 16)
    g.transform = {matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]};
  else if (scale.size() >= 2 && tie.size() == 6)
    g.transform = {scale[0], 0, tie[3] - tie[0] * scale[0], 0, -scale[1], tie[4] + tie[1] * scale[1]};
  if (g.transform && geo_key(g, kRasterType) == kPointIsPixel) {  // numbers stand at the centres of pixels
    auto& t = *g.transform;
    t[2] -= (t[0] + t[1]) / 2, t[5] -= (t[3] + t[4]) / 2;
  }
  const std::uint32_t projected = geo_key(g, kProjected), geographic = geo_key(g, kGeographic);
  const std::uint32_t code = projected > 0 && projected < kUserDefined ? projected
                             : projected == 0                          ? geographic
                                                                       : 0;
  if (code > 0 && code < kUserDefined) g.crs = fmt::format("urn:ogc:def:crs:EPSG::{}", code);
}

sandbox::Descriptor open_file(const fs::path& path, std::uint64_t& bytes) {
  sandbox::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  require(file.get() >= 0, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  struct stat status {};
  require(::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode), "{}: not a file", path.string());
  bytes = static_cast<std::uint64_t>(status.st_size);
  require(bytes > 0, "{}: the file is empty", path.string());
  return file;
}

}  // namespace

struct TiffPicture::Impl {
  explicit Impl(const fs::path& path)
      : name(path.string()), helper(find_private_file("san-decode-tiff"), open_file(path, bytes)) {}

  template <class Allocate>
  void ask(Task task, int row, int rows, std::uint64_t pixels, const Allocate& allocate) {
    sandbox::Request request;
    request.task = task, request.height = rows, request.row = row;
    request.bytes = bytes;
    request.max_pixels = static_cast<std::int64_t>(pixels);
    helper.limit(kCpuSeconds, kFixedBytes + bytes + kBytesPerPixel * pixels);
    // ending() ends the helper: it is asked only where something went wrong.
    if (!helper.send(&request, sizeof request)) fail("{}: the decoding helper {}", name, helper.ending());
    const auto next = [&] {
      sandbox::Reply reply;
      if (!helper.receive(reply, kSeconds))
        fail("{}: the decoder {}; this file is damaged or made to do harm", name, helper.ending());
      require(reply.kind != sandbox::ReplyKind::kFailed, "{}: {}", name, sandbox::text_of(reply));
      return reply;
    };
    const sandbox::Reply size = next();
    require(size.kind == sandbox::ReplyKind::kSize && size.height > 0 && size.width > 0,
            "{}: the decoder gave no size", name);
    const std::span<std::byte> to = allocate(size.height, size.width);
    helper.size_output(to.size());
    const sandbox::Go go{1};
    helper.send(&go, sizeof go);
    require(next().kind == sandbox::ReplyKind::kDone, "{}: the decoder broke off", name);
    helper.read_output(to, 0);
  }

  void read_facts() {
    std::vector<std::byte> blob;
    ask(Task::kTiffFacts, 0, 0, 1, [&](int height, int width) {
      require(height == 1 && static_cast<std::size_t>(width) <= kMostFactBytes,
              "{}: the decoder tells too much", name);
      blob.resize(static_cast<std::size_t>(width));
      return std::span(blob);
    });
    std::size_t at = 0;
    const auto take = [&](void* to, std::size_t count) {
      require(count <= blob.size() - at, "{}: the decoder tells too little", name);
      std::memcpy(to, blob.data() + at, count);
      at += count;
    };
    take(&facts, sizeof facts);
    require(facts.height > 0 && facts.width > 0 && facts.height <= 1 << 20 && facts.width <= 1 << 20 &&
                facts.block_height > 0,
            "{}: the decoder gave a size of {}x{} pixels", name, facts.width, facts.height);
    for (int i = 0; i < facts.tags; ++i) {
      sandbox::TiffTag head;
      take(&head, sizeof head);
      require(head.bytes <= blob.size() - at, "{}: the decoder tells too little", name);
      Georeference::Tag tag{head.tag, head.type, head.count, std::vector<std::byte>(head.bytes)};
      if (head.bytes > 0) take(tag.values.data(), head.bytes);
      geo.tags.push_back(std::move(tag));
    }
    interpret(geo);
  }

  std::string name;
  std::uint64_t bytes = 0;
  sandbox::HelperProcess helper;
  sandbox::TiffFacts facts;
  Georeference geo;
};

bool TiffPicture::is_tiff(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  char head[4] = {};
  if (!file.read(head, sizeof head)) return false;
  const std::string_view start(head, sizeof head);
  return start == std::string_view("II*\0", 4) || start == std::string_view("MM\0*", 4) ||
         start == std::string_view("II+\0", 4) || start == std::string_view("MM\0+", 4);
}

TiffPicture::TiffPicture(const fs::path& path) : impl_(std::make_unique<Impl>(path)) {
  impl_->read_facts();
}
TiffPicture::~TiffPicture() = default;
TiffPicture::TiffPicture(TiffPicture&&) noexcept = default;
TiffPicture& TiffPicture::operator=(TiffPicture&&) noexcept = default;

int TiffPicture::height() const {
  return impl_->facts.height;
}
int TiffPicture::width() const {
  return impl_->facts.width;
}
const Georeference& TiffPicture::georeference() const {
  return impl_->geo;
}

void TiffPicture::read(int row, int rows, Image& into) {
  require(row >= 0 && rows > 0 && rows <= height() && row <= height() - rows, "{}: rows {} to {} of {}",
          impl_->name, row, row + rows, height());
  into.height = rows, into.width = width();
  into.rgb.resize(static_cast<std::size_t>(rows) * into.row_bytes());
  // Whole strips or tiles at a time, as many as are wanted and fit.
  const std::int64_t block = impl_->facts.block_height;
  const std::int64_t blocks = std::max<std::int64_t>(1, kPixelsAtOnce / (block * width()));
  for (int done = 0; done < rows;) {
    const std::int64_t first = row + done, end = (first / block + blocks) * block;
    const int count = static_cast<int>(std::min<std::int64_t>(end - first, rows - done));
    impl_->ask(Task::kTiffRows, static_cast<int>(first), count,
               static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(width()), [&](int h, int w) {
                 require(h == count && w == width(), "{}: the decoder gave {}x{} pixels for {}x{}",
                         impl_->name, w, h, width(), count);
                 return std::as_writable_bytes(
                     std::span(into.row(done), static_cast<std::size_t>(count) * into.row_bytes()));
               });
    done += count;
  }
}

PictureParts TiffPicture::parts() {
  struct Band {
    int first = 0;
    Image rows, more;
  };
  const auto band = std::make_shared<Band>();
  const auto need = [this, band](int y, int tall) {
    Image& rows = band->rows;
    const int known = band->first + rows.height;
    if (rows.height > 0 && y >= band->first && y + tall <= known) return;
    if (rows.height == 0 || y < band->first || y >= known) {
      read(y, tall, rows);
      band->first = y;
      return;
    }
    // The rows that the tiles above share with these are there already.
    rows.rgb.erase(rows.rgb.begin(),
                   rows.rgb.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(y - band->first) *
                                                                  rows.row_bytes()));
    read(known, y + tall - known, band->more);
    rows.rgb.insert(rows.rgb.end(), band->more.rgb.begin(), band->more.rgb.end());
    band->more = {};
    rows.height = tall;
    band->first = y;
  };
  return {height(), width(), [need, band](int y, int x, int tall, int wide, Image& into) {
            need(y, tall);
            into = crop(band->rows, y - band->first, x, tall, wide);
          }};
}

}  // namespace san
