#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "san/class_names.hpp"
#include "san/error.hpp"
#include "san/image.hpp"
#include "san/image_view.hpp"
#include "san/segmenter.hpp"
#include "san/vocabulary.hpp"

namespace san {

/// Labelled examples of classes, as one network sees them: what words cannot say, or say badly. Used through
/// Vocabulary::with(). Immutable, shared by copies, for any number of threads.
class SAN_API Bank {
 public:
  struct Class {
    std::string name;
    std::int64_t pictures = 0;  ///< that show it
    std::int64_t examples = 0;  ///< embeddings of its regions
  };

  /// As save() or `san bank build` wrote it. Throws Error on a damaged file.
  static Bank load(const std::filesystem::path& path);
  /// Written whole or not at all. Throws Error with the path.
  void save(const std::filesystem::path& path) const;

  const std::vector<Class>& classes() const;
  std::int64_t pictures() const;
  /// Beside words, as leaving out one picture after the other found it; what Vocabulary::with() takes by
  /// default.
  float weight() const;

 private:
  friend class BankBuilder;
  friend class Model;
  struct Impl;
  explicit Bank(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const;
  std::shared_ptr<const Impl> impl_;
};

/// Makes a bank, picture by picture; for one thread at a time.
class SAN_API BankBuilder {
 public:
  BankBuilder(BankBuilder&&) noexcept;
  BankBuilder& operator=(BankBuilder&&) noexcept;
  ~BankBuilder();

  /// A picture with its labels: indices of the classes, and 65535 where nothing is known. Throws Error when
  /// the sizes differ, on other labels, and Cancelled.
  void add(const ImageView& picture, const LabelMap& labels, const SegmentationOptions& options = {});
  /// A picture of one thing, in its middle, without labels: what the network's masks say of the middle
  /// stands for it.
  void add(const ImageView& picture, int class_index, const SegmentationOptions& options = {});
  /// Throws Error when there is no example yet.
  Bank finish() const;

 private:
  friend class Model;
  struct Impl;
  explicit BankBuilder(std::unique_ptr<Impl> impl);
  Impl& impl() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san
