#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
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
/// Model::with_bank(). Immutable, shared by copies, for any number of threads.
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
  /// The same in memory: the bytes of that file. `name` stands for its path in messages.
  static Bank read(std::span<const std::byte> bytes, const std::string& name = "bank");
  std::vector<std::byte> bytes() const;

  const std::vector<Class>& classes() const;
  std::int64_t pictures() const;
  /// Whether one of the vocabulary's classes has examples, which Model::with_bank() needs.
  bool knows(const Vocabulary& vocabulary) const;
  /// Beside words, as leaving out one picture after the other found it; what Model::with_bank() takes by
  /// default.
  float weight() const;

  /// Of pictures like those of the bank: distances up to which the weight is whole, and from which on it is
  /// nothing (docs/accuracy.md).
  struct Gate {
    float open = 0, closed = 0;
  };
  /// None: the bank holds for all pictures alike.
  std::optional<Gate> gate() const;

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

  /// A picture with its labels: indices of the classes, and kNoLabel where nothing is known. Throws Error
  /// when the sizes differ, on other labels, and Cancelled.
  void add(const ImageView& picture, const LabelMap& labels, const SegmentationOptions& options = {});
  /// A picture of one thing, in its middle, without labels: what the network's masks say of the middle
  /// stands for it.
  void add(const ImageView& picture, int class_index, const SegmentationOptions& options = {});
  /// Regions of a picture that somebody named, one by one: as above, of a picture that was looked at (by this
  /// model, in any segmenter), which may come again with other regions and still counts as one. What is said
  /// last of a region holds. Returns how many examples it gave: 0 where the regions are too small, below a
  /// thousandth of the picture. Until eight pictures show classes that others show too, finish() gives a bank
  /// a weight of 0.1, since fewer cannot tell. Throws Error on features of another model.
  std::size_t add_regions(const ImageFeatures& features, const LabelMap& labels, const Watch& watch = {});
  /// Goes on with other words, among whose classes are all that have examples; each keeps its own by name.
  /// Throws Error, and stays as it was, where one is missing.
  void use(const Vocabulary& vocabulary);
  /// Throws Error when there is no example yet.
  Bank finish() const;
  /// Memory that it holds.
  std::size_t bytes() const;

 private:
  friend class Model;
  struct Impl;
  explicit BankBuilder(std::unique_ptr<Impl> impl);
  Impl& impl() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san
