#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/thread_pool.h"

namespace san {

/// What a source may be used for. Samplers that train take kTrain and kTrainExtra and refuse everything else,
/// which measures. No fixed evaluation scene shows kTrainExtra: sources can be added there and old figures
/// stay comparable.
enum class Role : std::uint8_t { kTrain, kHeldOutStyle, kNearStyle, kPhoto, kTestBackground, kTrainExtra };
constexpr bool trains(Role role) {
  return role == Role::kTrain || role == Role::kTrainExtra;
}
std::string_view role_name(Role role);
/// Throws Error listing the names.
Role parse_role(std::string_view name);

/// Where pictures come from, as the generated attribution file repeats it.
struct PictureSource {
  std::string style;    ///< "noto"
  std::string package;  ///< "@iconify-json/noto 1.2.9"
  std::string licence;  ///< SPDX expression
  std::string author, url;
  Role role = Role::kTrain;
  friend bool operator==(const PictureSource&, const PictureSource&) = default;
};

enum class PictureKind : std::uint8_t { kSprite, kPanorama, kTexture };

/// One picture, 8 bit, rows of interleaved channels.
struct Picture {
  PictureKind kind = PictureKind::kSprite;
  std::string name;    ///< concept of a sprite, stuff class of a texture, place of a panorama
  std::string origin;  ///< icon or file name in its package
  int source = 0;      ///< index into PictureFile::sources
  int height = 0, width = 0;
  int channels = 4;  ///< sprites: RGBA, alpha not multiplied in; else RGB
  std::vector<std::uint8_t> pixels;
  friend bool operator==(const Picture&, const Picture&) = default;
};

/// Pictures in one flat file: a magic, a JSON index and per picture the zlib-packed, Paeth-filtered rows.
struct PictureFile {
  std::vector<PictureSource> sources;
  std::vector<Picture> pictures;
};

/// Writes atomically. Throws Error for inconsistent sizes.
void write_pictures(const PictureFile& file, const std::filesystem::path& path, ThreadPool* pool = nullptr);

/// Reads and unpacks everything. Throws Error naming the path when anything is out of bounds or does not
/// unpack.
PictureFile read_pictures(const std::filesystem::path& path, ThreadPool* pool = nullptr);

}  // namespace san
