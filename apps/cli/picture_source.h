#pragma once
#include <atomic>
#include <memory>
#include <optional>

#include "image_inputs.h"

namespace san::cli {

/// The pictures of a run, in their order, one at a time.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  /// Nothing at the end. May wait; returns nothing when it was interrupted.
  virtual std::optional<ImageInput> next() = 0;
  /// −1: not known.
  virtual std::int64_t count() const { return -1; }
};

std::unique_ptr<PictureSource> given_pictures(std::vector<ImageInput> inputs);

/// A file with one path a line ("-": standard input), blank lines left out; nothing of it is kept in memory.
/// A picture's results have the stem of its whole path with the extension, below the results' folder: no two
/// pictures share one. Throws Error when it cannot be read.
std::unique_ptr<PictureSource> listed_pictures(const std::string& list);

/// The pictures of a folder by name, then those that come to lie there, when they are closed after writing or
/// moved in; ends when `interrupted`. Stems keep the extension. Throws Error when the folder cannot be
/// watched.
std::unique_ptr<PictureSource> watched_pictures(const std::string& folder,
                                                const std::atomic<bool>& interrupted);

}  // namespace san::cli
