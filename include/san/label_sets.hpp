#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "san/class_names.hpp"
#include "san/error.hpp"

namespace san {

/// The classes of a published benchmark; every list runs in the order of label indices.
struct LabelSet {
  std::string name;
  std::vector<std::string> classes;  ///< one text per class, as fed to CLIP: synonyms stay joined by commas
  std::vector<std::int64_t> dataset_ids;  ///< the numbers the dataset itself gives the classes
  std::vector<bool> is_thing;             ///< countable object or stuff; empty: the dataset does not say
  /// Customary RGB: for COCO's things that of its own tools, else MMSegmentation's, where a few repeat; may
  /// be empty.
  std::vector<std::array<std::uint8_t, 3>> palette;
};

/// Names of the built-in sets, sorted.
SAN_API std::vector<std::string> shipped_label_sets();

/// Throws Error naming the sets there are.
SAN_API LabelSet label_set(std::string_view name);

/// The set as a class list.
SAN_API std::vector<ClassName> label_set_classes(std::string_view name);

/// The same classes with other names that people use for them ("sofa" becomes "sofa|couch"), from the list
/// written for that label set, or for "demo-world". A class that already has several names keeps to them, and
/// none gets a name of another class, plurals and spelling aside. Throws Error naming the lists there are.
SAN_API std::vector<ClassName> with_synonyms(std::span<const ClassName> classes, std::string_view set);

}  // namespace san
