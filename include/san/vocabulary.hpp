#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "san/cancellation.hpp"
#include "san/class_names.hpp"
#include "san/error.hpp"

namespace san {

/// Classes from which on a list is long enough not to need distractors.
inline constexpr std::size_t kManyClasses = 20;

struct VocabularyOptions {
  std::vector<std::string> templates;  ///< each with one {}; empty: the model's own
  std::filesystem::path cache_folder;  ///< empty: $SAN_CACHE_DIR, $XDG_CACHE_HOME/san or ~/.cache/san
  bool use_cache = true;               ///< embeddings are kept by content of model, template and name
  /// Further names ("couch|sofa" as in classes) that are looked for too, but what they win gets the label of
  /// "other", classes().size(): so that few classes need not take the whole picture. See
  /// Model::distractors().
  std::vector<std::string> distractors;
  /// Instead: those of Model::distractors() for fewer than kManyClasses, none for more or of random weights;
  /// the default of the command line, the server and Python.
  bool choose_distractors = false;
  Watch watch;  ///< progress counts prompts: names that are not in the cache × templates
};

/// The templates of a built-in set ("vild", "imagenet", "single") or of a file with one per line. Throws
/// Error.
SAN_API std::vector<std::string> prompt_templates(const std::string& set_or_file);

/// Class names as the network knows them: for each name one embedding of length 1. Immutable, shared by
/// copies, used from any number of threads with any segmenter of a model with the same text tower.
class SAN_API Vocabulary {
 public:
  /// Labels of the classes: of each the first name.
  const std::vector<std::string>& classes() const;
  /// Labels of the distractors, which are none of classes().
  std::vector<std::string> distractors() const;
  /// For Model::load_vocabulary(); written whole or not at all. Throws Error with the path.
  void save(const std::filesystem::path& path) const;

 private:
  friend class BankBuilder;
  friend class Model;
  friend class Segmenter;
  struct Impl;
  explicit Vocabulary(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace san
