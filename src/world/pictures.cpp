#include "world/pictures.h"

#include <zlib.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/bounded_json.h"
#include "base/error.h"
#include "base/input_file.h"
#include "base/reader_limit.h"

namespace san {
namespace {

constexpr std::array<char, 8> kMagic = {'S', 'A', 'N', 'P', 'I', 'C', '0', '1'};
constexpr std::size_t kHeaderBytes = kMagic.size() + 8;
constexpr int kLargestSide = 8192;
// Deflate cannot do better than this, so a larger claim is a lie.
constexpr std::size_t kMaxDeflateRatio = 1032;
constexpr std::size_t kLargestFile = std::size_t{1} << 32;
constexpr JsonLimits kIndexLimits{8, 16'000'000};
constexpr std::array<std::string_view, 6> kRoleNames = {"train", "held-out style",  "near style",
                                                        "photo", "test background", "train extra"};

std::uint8_t paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int dl = std::abs(guess - left), du = std::abs(guess - up), dc = std::abs(guess - corner);
  if (dl <= du && dl <= dc) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(du <= dc ? up : corner);
}

/// Adds (unfilter) or subtracts (filter) each byte's prediction from its neighbours.
template <bool kForward>
std::vector<std::uint8_t> paeth_filter(const std::vector<std::uint8_t>& in, int height, std::size_t row_bytes,
                                       std::size_t channels) {
  std::vector<std::uint8_t> out(in.size());
  const std::vector<std::uint8_t>& decoded = kForward ? in : out;
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
    for (std::size_t x = 0; x < row_bytes; ++x) {
      const std::size_t i = y * row_bytes + x;
      const int left = x >= channels ? decoded[i - channels] : 0;
      const int up = y > 0 ? decoded[i - row_bytes] : 0;
      const int corner = x >= channels && y > 0 ? decoded[i - row_bytes - channels] : 0;
      const std::uint8_t guess = paeth(left, up, corner);
      out[i] = static_cast<std::uint8_t>(kForward ? in[i] - guess : in[i] + guess);
    }
  return out;
}

std::vector<std::uint8_t> pack(const Picture& picture) {
  const auto row_bytes = static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.channels);
  require(picture.height > 0 && picture.width > 0 &&
              picture.pixels.size() == row_bytes * static_cast<std::size_t>(picture.height),
          "picture {} ({}): {} bytes do not make {}×{}×{}", picture.name, picture.origin,
          picture.pixels.size(), picture.height, picture.width, picture.channels);
  const auto filtered = paeth_filter<true>(picture.pixels, picture.height, row_bytes,
                                           static_cast<std::size_t>(picture.channels));
  uLongf size = compressBound(static_cast<uLong>(filtered.size()));
  std::vector<std::uint8_t> packed(size);
  require(compress2(packed.data(), &size, filtered.data(), static_cast<uLong>(filtered.size()), 9) == Z_OK,
          "picture {}: zlib cannot pack it", picture.name);
  packed.resize(size);
  return packed;
}

void unpack(Picture& picture, std::span<const std::byte> packed, const std::string& where) {
  const auto row_bytes = static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.channels);
  std::vector<std::uint8_t> filtered(row_bytes * static_cast<std::size_t>(picture.height));
  uLongf size = static_cast<uLongf>(filtered.size());
  const int status = uncompress(filtered.data(), &size, reinterpret_cast<const Bytef*>(packed.data()),
                                static_cast<uLong>(packed.size()));
  require(status == Z_OK && size == filtered.size(),
          "{}: picture '{}' ({}) does not unpack; build the file again", where, picture.name, picture.origin);
  picture.pixels =
      paeth_filter<false>(filtered, picture.height, row_bytes, static_cast<std::size_t>(picture.channels));
}

void for_all(std::size_t count, ThreadPool* pool, const std::function<void(std::size_t)>& body) {
  const auto chunk = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) body(static_cast<std::size_t>(i));
  };
  if (pool)
    pool->parallel_for(static_cast<std::int64_t>(count), 16, chunk);
  else
    chunk(0, static_cast<std::int64_t>(count));
}

}  // namespace

std::string_view role_name(Role role) {
  return kRoleNames.at(static_cast<std::size_t>(role));
}

Role parse_role(std::string_view name) {
  for (std::size_t i = 0; i < kRoleNames.size(); ++i)
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  fail("unknown role '{}' of a picture source; there are: {}", name, fmt::join(kRoleNames, ", "));
}

void write_pictures(const PictureFile& file, const std::filesystem::path& path, ThreadPool* pool) {
  std::vector<std::vector<std::uint8_t>> blobs(file.pictures.size());
  for_all(blobs.size(), pool, [&](std::size_t i) { blobs[i] = pack(file.pictures[i]); });
  nlohmann::json index;
  for (const auto& s : file.sources)
    index["sources"].push_back({{"style", s.style},
                                {"package", s.package},
                                {"licence", s.licence},
                                {"author", s.author},
                                {"url", s.url},
                                {"role", role_name(s.role)}});
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const Picture& p = file.pictures[i];
    require(p.source >= 0 && static_cast<std::size_t>(p.source) < file.sources.size(),
            "picture {} names source {}, there are {}", p.name, p.source, file.sources.size());
    index["pictures"].push_back({static_cast<int>(p.kind), p.name, p.origin, p.source, p.height, p.width,
                                 p.channels, blobs[i].size()});
  }
  const std::string meta = index.dump();
  AtomicFile out(path);
  out.write(std::string_view(kMagic.data(), kMagic.size()));
  const std::uint64_t meta_bytes = meta.size();
  out.write(std::as_bytes(std::span(&meta_bytes, 1)));
  out.write(meta);
  for (const auto& blob : blobs) out.write(std::as_bytes(std::span(blob)));
  out.commit();
}

PictureFile read_pictures(const std::filesystem::path& path, ThreadPool* pool) {
  const OwnedBytes content = read_file(path, kLargestFile);
  const auto bytes = content.bytes;
  const std::string where = path.string();
  require(bytes.size() >= kHeaderBytes && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0,
          "{}: not a picture file of the demo world (build one with: san world build)", where);
  std::uint64_t meta_bytes = 0;
  std::memcpy(&meta_bytes, bytes.data() + kMagic.size(), sizeof meta_bytes);
  require(meta_bytes <= bytes.size() - kHeaderBytes, "{}: the index is cut off", where);
  const nlohmann::json index = parse_bounded_json(content.text().substr(kHeaderBytes, meta_bytes),
                                                  where + ": the index", kIndexLimits);
  PictureFile file;
  std::vector<std::span<const std::byte>> blobs;
  const ReaderLimit unpacked_limit(kLargestFile);
  std::size_t offset = kHeaderBytes + meta_bytes, total = 0;
  try {
    for (const auto& s : index.at("sources"))
      file.sources.push_back({s.at("style"), s.at("package"), s.at("licence"), s.at("author"), s.at("url"),
                              parse_role(s.at("role").get<std::string>())});
    for (const auto& p : index.at("pictures")) {
      Picture picture;
      const auto number = [&](std::size_t i, std::int64_t low, std::int64_t high) {
        return json_integer(p.at(i), low, high, fmt::format("picture {}", file.pictures.size()));
      };
      picture.kind = static_cast<PictureKind>(number(0, 0, static_cast<int>(PictureKind::kTexture)));
      picture.name = p.at(1);
      picture.origin = p.at(2);
      picture.source = static_cast<int>(number(3, 0, static_cast<std::int64_t>(file.sources.size()) - 1));
      picture.height = static_cast<int>(number(4, 1, kLargestSide));
      picture.width = static_cast<int>(number(5, 1, kLargestSide));
      const int channels = picture.kind == PictureKind::kSprite ? 4 : 3;
      picture.channels = static_cast<int>(number(6, channels, channels));
      const auto size =
          static_cast<std::size_t>(number(7, 0, static_cast<std::int64_t>(bytes.size() - offset)));
      const auto unpacked = static_cast<std::size_t>(picture.height) *
                            static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(channels);
      require(unpacked / kMaxDeflateRatio <= size, "picture '{}' claims {} bytes from {} compressed ones",
              picture.name, unpacked, size);
      total += unpacked;
      unpacked_limit.check(total, "all pictures together", "bytes once decompressed");
      blobs.push_back(bytes.subspan(offset, size));
      offset += size;
      file.pictures.push_back(std::move(picture));
    }
  } catch (const nlohmann::json::exception& error) {
    fail("{}: the index is damaged ({}); build the file again", where, json_reason(error));
  } catch (const Error& error) {
    fail("{}: {}; build the file again", where, error.what());
  }
  require(offset == bytes.size(), "{}: {} bytes are left over; build the file again", where,
          bytes.size() - offset);
  for_all(blobs.size(), pool, [&](std::size_t i) { unpack(file.pictures[i], blobs[i], where); });
  return file;
}

}  // namespace san
