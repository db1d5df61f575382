#pragma once
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "world/concepts.h"
#include "world/pictures.h"
#include "world/raster.h"
#include "world/stuff.h"

namespace san {

/// Everything scenes are composed from, in memory: concepts, their sprites, backgrounds. Const and shared by
/// threads.
class World {
 public:
  /// `concept_list` is a file such as configs/world/demo.tsv; sprites of concepts that it does not list are
  /// left out. Throws Error when a file is missing or damaged.
  static std::shared_ptr<const World> load(const std::filesystem::path& concept_list,
                                           const std::vector<std::filesystem::path>& picture_files,
                                           ThreadPool* pool = nullptr);
  static std::shared_ptr<const World> make(std::vector<Concept> concepts, std::vector<PictureFile> files,
                                           ThreadPool* pool = nullptr);

  struct Sprite {
    int subject = 0;  ///< index into concepts()
    int source = 0;   ///< index into sources()
    std::string origin;
    Pyramid pyramid;
    /// Drawn width over drawn height.
    float aspect() const;
  };
  struct Background {
    int source = 0;
    int stuff = -1;  ///< class of a texture; -1: nothing is known about the pixels (label ignore)
    bool panorama = false;
    Pyramid pyramid;
  };

  const std::vector<Concept>& concepts() const { return concepts_; }
  const std::vector<PictureSource>& sources() const { return sources_; }
  const std::vector<Sprite>& sprites() const { return sprites_; }
  const std::vector<Background>& backgrounds() const { return backgrounds_; }
  const StuffTextures& stuff() const { return stuff_; }
  Role role(const Sprite& sprite) const { return sources_[static_cast<std::size_t>(sprite.source)].role; }
  Role role(const Background& b) const { return sources_[static_cast<std::size_t>(b.source)].role; }
  /// Index of the concept with this name; -1 if there is none.
  int find(std::string_view name) const;
  /// Concept names, then stuff names: index = label value where a label map uses "all" classes.
  std::vector<std::string> class_names() const;

 private:
  std::vector<Concept> concepts_;
  std::vector<PictureSource> sources_;
  std::vector<Sprite> sprites_;
  std::vector<Background> backgrounds_;
  StuffTextures stuff_;
};

/// The sprites of some roles per concept, picked style first, so that no style outweighs the others by its
/// number.
class SpritePool {
 public:
  SpritePool(const World& world, std::initializer_list<Role> roles);
  /// Concepts that have at least one sprite, ascending.
  const std::vector<int>& subjects() const { return subjects_; }
  /// Throws Error if the concept has none.
  const World::Sprite& pick(int subject, Rng& rng) const;
  /// All sprites of the concept, grouped by style.
  std::vector<const World::Sprite*> all(int subject) const;

 private:
  const World* world_;
  std::vector<std::vector<std::vector<int>>> by_style_;  // [concept][style] → sprite indices
  std::vector<int> subjects_;
};

}  // namespace san
