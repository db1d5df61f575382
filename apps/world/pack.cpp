#include "pack.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace san {

PictureFile select_pack(const PictureFile& file, const std::vector<std::string>& concepts,
                        const std::vector<std::string>& styles, const std::vector<std::string>& panoramas) {
  PictureFile pack;
  std::map<int, int> new_source;
  const auto add = [&](const Picture& picture) {
    const auto [found, added] = new_source.emplace(picture.source, static_cast<int>(pack.sources.size()));
    if (added) pack.sources.push_back(file.sources[static_cast<std::size_t>(picture.source)]);
    require(trains(pack.sources[static_cast<std::size_t>(found->second)].role),
            "'{}' comes from a source for tests; a pack that is shipped takes training sources only",
            picture.name);
    pack.pictures.push_back(picture);
    pack.pictures.back().source = found->second;
  };
  const auto first = [&](PictureKind kind, const std::string& style, const std::string& name) {
    const auto found = std::find_if(file.pictures.begin(), file.pictures.end(), [&](const Picture& p) {
      return p.kind == kind && p.name == name &&
             file.sources[static_cast<std::size_t>(p.source)].style == style;
    });
    require(found != file.pictures.end(), "there is no picture of '{}' in style '{}' to pack", name, style);
    add(*found);
  };
  for (const auto& style : styles)
    for (const auto& name : concepts) first(PictureKind::kSprite, style, name);
  for (const auto& name : panoramas) first(PictureKind::kPanorama, "panorama", name);
  for (const auto& picture : file.pictures)
    if (picture.kind == PictureKind::kTexture) add(picture);
  return pack;
}

}  // namespace san
