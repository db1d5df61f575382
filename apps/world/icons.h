#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "world/concepts.h"

namespace san {

/// Icon names for emoji code points, gathered from the packages that state them.
class IconNames {
 public:
  /// Reads chars.json of an unpacked package; an empty table is fine.
  void add(const std::filesystem::path& package);
  /// Names that some set gives this emoji (hyphenated lower-case code points, variation selectors ignored).
  const std::vector<std::string>& of(const std::string& emoji) const;

 private:
  std::unordered_map<std::string, std::vector<std::string>> names_;
};

/// An icon set in iconify's JSON: SVG bodies and aliases.
class IconSet {
 public:
  /// Throws Error when the package states another licence than `licence`, or is damaged.
  IconSet(const std::filesystem::path& package, std::string_view licence);
  ~IconSet();
  /// A whole SVG document, `margin` × the icon's width free around it; empty if the set has no such icon.
  std::string document(const std::string& icon, double margin = 0) const;
  /// The icon's width in the units of its document; 0 if the set has no such icon.
  double width(const std::string& icon) const;
  /// What the set itself calls its icons; empty for sets that state nothing.
  const IconNames& own_names() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// The set's icons that show the concept: by its own names where it states them, else by the others' names.
std::vector<std::string> icons_of(const Concept& subject, const IconNames& names, const IconSet& set,
                                  bool fxemoji);

/// The set's icons that are called like the concept, a synonym or one of its emoji, "-face" or a number after
/// it or not ("fox-face-2"), and `suffix` last: for sets that are not of emoji or number their drawings.
std::vector<std::string> icons_called(const Concept& subject, const IconNames& names, const IconSet& set,
                                      std::string_view suffix = {});

/// The bytes behind "data:...;base64,...", which some packages wrap files in. Throws Error.
std::string decode_data_url(std::string_view text);

}  // namespace san
