#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bank/bank.h"
#include "bank/examples.h"
#include "engine/engine.h"

namespace san {

/// Collects the examples of pictures; for one thread at a time.
class ExampleCollector {
 public:
  /// The words are what the weight of the examples is found beside; their classes are the bank's. Throws
  /// Error where the method takes no bank.
  ExampleCollector(std::shared_ptr<const Engine> engine, std::shared_ptr<const TextEmbeddings> words);
  /// Goes on with a bank of that network; every picture counts alike, the bank's and those that are added. A
  /// gate that it has stays. Throws Error where use() would, and on another network's bank.
  ExampleCollector(std::shared_ptr<const Engine> engine, std::shared_ptr<const TextEmbeddings> words,
                   const ExampleBank& bank);

  /// Other words from now on, among whose classes are all that have examples. Throws Error, and goes on with
  /// those of before, where one is missing.
  void use(std::shared_ptr<const TextEmbeddings> words);

  /// What a picture is to a bank.
  enum class Kind {
    kScene,  ///< such as will be segmented: the gate is found by them
    kThing   ///< of one thing, whose class is known
  };
  /// A picture that `session` (of that engine) has looked at, with its labels: classes, and kNoLabel. Throws
  /// Error when the sizes differ and on other labels. Returns how many examples it gave.
  std::size_t add(Session& session, const std::shared_ptr<const Features>& features, const LabelMap& truth,
                  Kind kind = Kind::kScene);
  /// Regions of a scene that somebody named; the same picture may come again with others and counts once.
  /// What is said last of a region holds. Returns how many examples it gave: 0 of a region that is too small.
  std::size_t add_regions_of(Session& session, const std::shared_ptr<const Features>& features,
                             const LabelMap& named);
  /// The bank of what was added so far, its weight and gate found. Throws Error when there is nothing.
  ExampleBank finish() const;
  std::size_t bytes() const;  ///< of memory that it holds

 private:
  std::shared_ptr<const Engine> engine_;
  std::shared_ptr<const TextEmbeddings> words_;
  ExampleBank bank_;
  void add_regions(const MaskFeatures& seen, Kind kind);
  Logits name(Session& session, const std::shared_ptr<const Features>& features, std::size_t examples);
  void append(const std::vector<RegionExample>& examples, std::int32_t picture, const Logits& logits);
  void forget(std::int32_t picture, const std::vector<RegionExample>& examples);
  void share_evenly(std::int32_t picture);
  void name_again(Session& session, const MaskFeatures& seen);
  bool tells_its_weight() const;

  std::vector<float> word_logits_;                  // [examples, classes]
  bool renamed_ = false;                            // the logits are those of other words
  RegionSums regions_;                              // all visible ones of pictures that were added
  GateCalibration gate_;                            // of those, too
  std::optional<ExampleBank> before_;               // what it went on with
  std::map<std::string, std::int32_t> of_content_;  // pictures whose regions were named, by their embeddings
};

/// The labels of a picture of one thing: of its middle, an ellipse of 70 % of its height and width, that
/// class, and nothing known of the rest.
LabelMap middle_of(int height, int width, int class_index);

/// How much a bank's examples weigh beside words so that the bank's own examples are named best, each with
/// the other pictures' examples alone: of a few weights the one with the least mean surprise, −log P(class).
/// word_logits: [examples, classes].
float calibrate(const ExampleBank& bank, std::span<const float> word_logits);

}  // namespace san
