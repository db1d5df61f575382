#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "world/pictures.h"

namespace san {

enum class SourceKind {
  kIconify,
  kEmojiImages,
  kPanoramas,
  kClipart,
  kStamps,
  kGroundTextures,
  kGreyTextures,
  kTemplates
};

/// How the icons of a set are found and coloured.
struct IconUse {
  bool by_name = false;  ///< by the concept's name; else by its emoji
  std::string_view base =
      {};             ///< line drawings: coloured with the help of this style's drawing of the same thing,
  bool over = false;  ///< which has the same shapes and lies under the lines; else it lends its main colour
  std::string_view wrong = {};  ///< icons that show something else, a space before and after each
  double line = 0;  ///< width of a black line drawn around every shape, as part of the icon's; 0: none. With
                    ///< a base: of the strokes that are there
  bool solid = false;            ///< silhouettes with cuts in one colour, which get colours and that line
  int gap = 0;                   ///< LineFill::gap of line drawings
  std::string_view suffix = {};  ///< of the icons' names, by name
  /// Colours of the set that every drawing has: what becomes black, the base's main
  /// colour, its second one; several with a space between.
  std::array<std::string_view, 3> tones = {};
};

/// A package that the demo world takes pictures from. The licence stated here is checked against the
/// package's own statement where it has one (npm).
struct SourcePackage {
  SourceKind kind;
  std::string_view style, package, version;  ///< version empty: whatever Debian has
  std::string_view licence, author, url;
  Role role;
  IconUse icons = {};
  bool debian() const { return version.empty(); }
};

/// Training sources are Apache-2.0, MIT, CC-BY-4.0, CC0-1.0 or in the public domain; everything else
/// measures.
const std::vector<SourcePackage>& source_packages();

/// Panoramas that training never sees.
bool is_test_panorama(std::string_view name);

}  // namespace san
