#include "world/world.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "base/random.h"

namespace san {
namespace {

bool power_of_two(int n) {
  return n > 0 && (n & (n - 1)) == 0;
}

}  // namespace

float World::Sprite::aspect() const {
  const auto& level = pyramid.levels.front();
  return static_cast<float>(level.width - 2) / static_cast<float>(level.height - 2);
}

std::shared_ptr<const World> World::load(const std::filesystem::path& concept_list,
                                         const std::vector<std::filesystem::path>& picture_files,
                                         ThreadPool* pool) {
  std::vector<PictureFile> files;
  for (const auto& path : picture_files) files.push_back(read_pictures(path, pool));
  return make(load_concepts(concept_list), std::move(files), pool);
}

std::shared_ptr<const World> World::make(std::vector<Concept> concepts, std::vector<PictureFile> files,
                                         ThreadPool* pool) {
  auto world = std::make_shared<World>();
  world->concepts_ = std::move(concepts);
  world->stuff_ = paint_stuff(pool);
  std::unordered_map<std::string_view, int> subject_of, stuff_of;
  for (std::size_t i = 0; i < world->concepts_.size(); ++i)
    subject_of.emplace(world->concepts_[i].name, static_cast<int>(i));
  for (std::size_t i = 0; i < stuff_classes().size(); ++i)
    stuff_of.emplace(stuff_classes()[i].name, static_cast<int>(i));
  for (auto& file : files) {
    const int first_source = static_cast<int>(world->sources_.size());
    world->sources_.insert(world->sources_.end(), file.sources.begin(), file.sources.end());
    for (auto& picture : file.pictures) {
      const int source = first_source + picture.source;
      if (picture.kind == PictureKind::kSprite) {
        const auto found = subject_of.find(picture.name);
        if (found == subject_of.end()) continue;
        world->sprites_.push_back(
            {found->second, source, std::move(picture.origin), sprite_pyramid(picture)});
        continue;
      }
      require(power_of_two(picture.height) && power_of_two(picture.width),
              "background '{}' is {}×{}: sides should be powers of two", picture.name, picture.height,
              picture.width);
      const auto found = stuff_of.find(picture.name);
      const bool panorama = picture.kind == PictureKind::kPanorama;
      world->backgrounds_.push_back({source, panorama || found == stuff_of.end() ? -1 : found->second,
                                     panorama,
                                     tile_pyramid(picture.pixels.data(), picture.height, picture.width)});
    }
  }
  return world;
}

int World::find(std::string_view name) const {
  for (std::size_t i = 0; i < concepts_.size(); ++i)
    if (concepts_[i].name == name) return static_cast<int>(i);
  return -1;
}

std::vector<std::string> World::class_names() const {
  std::vector<std::string> names;
  for (const auto& entry : concepts_) names.push_back(entry.name);
  for (const auto& stuff : stuff_classes()) names.emplace_back(stuff.name);
  return names;
}

SpritePool::SpritePool(const World& world, std::initializer_list<Role> roles) : world_(&world) {
  std::vector<std::map<int, std::vector<int>>> grouped(world.concepts().size());
  for (std::size_t i = 0; i < world.sprites().size(); ++i) {
    const auto& sprite = world.sprites()[i];
    if (std::find(roles.begin(), roles.end(), world.role(sprite)) != roles.end())
      grouped[static_cast<std::size_t>(sprite.subject)][sprite.source].push_back(static_cast<int>(i));
  }
  for (std::size_t i = 0; i < grouped.size(); ++i) {
    by_style_.emplace_back();
    for (auto& [style, sprites] : grouped[i]) by_style_.back().push_back(std::move(sprites));
    if (!by_style_.back().empty()) subjects_.push_back(static_cast<int>(i));
  }
}

const World::Sprite& SpritePool::pick(int subject, Rng& rng) const {
  const auto& styles = by_style_.at(static_cast<std::size_t>(subject));
  require(!styles.empty(), "concept '{}' has no picture for this use; its sources serve other roles only",
          world_->concepts()[static_cast<std::size_t>(subject)].name);
  const auto& sprites = styles[static_cast<std::size_t>(rng.below(static_cast<int>(styles.size())))];
  const int index = sprites[static_cast<std::size_t>(rng.below(static_cast<int>(sprites.size())))];
  return world_->sprites()[static_cast<std::size_t>(index)];
}

std::vector<const World::Sprite*> SpritePool::all(int subject) const {
  std::vector<const World::Sprite*> out;
  for (const auto& style : by_style_.at(static_cast<std::size_t>(subject)))
    for (const int i : style) out.push_back(&world_->sprites()[static_cast<std::size_t>(i)]);
  return out;
}

}  // namespace san
