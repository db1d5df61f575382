#pragma once
#include <span>
#include <string>
#include <vector>

#include "engine/encode_vocabulary.h"

namespace san {

/// Two names of different classes that the model can hardly tell apart.
struct NearNames {
  std::string a, b;
  double similarity = 0;  ///< cosine of their embeddings
};

/// A name that is not among those that the model is at home with, nor like them.
struct StrangeName {
  std::string name, nearest;  ///< of those names
  double similarity = 0;      ///< to it
};

/// A name that some templates take for another class of the list.
struct SplitName {
  std::string name;
  std::vector<std::string> templates, taken_for;  ///< one each
};

struct NameAdvice {
  std::vector<NearNames> near;       ///< the nearest first
  std::vector<StrangeName> strange;  ///< the strangest first
  std::vector<SplitName> split;      ///< most templates first
  std::size_t templates = 0;         ///< how many there are
};

/// What may go wrong with these names before any picture is seen. Strange to the built-in model is whatever
/// it was not taught by name or by kind: its embeddings do not tell. To others it is what lies farther from
/// the names of COCO-Stuff than all but two of a hundred of these do from each other. Throws Error as
/// encode_vocabulary() does.
NameAdvice advise(const LoadedModel& model, const Backend& backend, std::span<const ClassName> classes,
                  const EncodingOptions& options);

/// Another name, and where it stands.
struct NamedLike {
  std::string name;
  double to_class = 0;   ///< cosine to the name that it may stand for
  double to_others = 0;  ///< the largest to the other classes; −1 without any
  std::string nearest_other;
  double to_known = 0;  ///< the largest to the names that the model is at home with
};

/// The candidates for a name of class `of`, by how near they are to its names less half of how near they are
/// to those of another class. Throws Error as encode_vocabulary() does.
std::vector<NamedLike> rank_names(const LoadedModel& model, const Backend& backend,
                                  std::span<const ClassName> classes, std::size_t of,
                                  std::span<const std::string> candidates, const EncodingOptions& options);

}  // namespace san
