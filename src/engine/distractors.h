#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/encode_vocabulary.h"

namespace san {

/// A name that may be a distractor, with other names of the same thing and of the kinds of thing that it is.
struct DistractorName {
  std::string name;
  std::vector<std::string> kinds;
};

/// Names of what `where` shows: "drawn" (the demo world) or "photographed" (COCO-Stuff).
std::vector<DistractorName> distractor_names(std::string_view where);

/// Whether one of the two is a name, or names a kind, of the other, as far as the lists know: "animal" and
/// "cat", "wall" and "brick wall", "dogs" and "dog".
bool names_related(const std::string& asked, const DistractorName& other);

/// Names of things that a picture may show beside the classes asked for, so that these need not take all of
/// it: the names that the model is at home with, without those that are related to a class by name, and those
/// whose embedding lies as near to a class's as a synonym's may. Throws Error as encode_vocabulary() does.
std::vector<ClassName> choose_distractors(const LoadedModel& model, const Backend& backend,
                                          std::span<const ClassName> classes, const EncodingOptions& options);

}  // namespace san
