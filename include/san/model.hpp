#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "san/bank.hpp"
#include "san/calibration.hpp"
#include "san/error.hpp"
#include "san/segmenter.hpp"
#include "san/thread_budget.hpp"
#include "san/vocabulary.hpp"

namespace san {

/// What computes. A name that is not there is an Error that lists those that are.
struct ModelOptions {
  std::string backend = "native";  ///< see backends(): "native", "reference"; "torch" where it is built in
  std::string device = "cpu";      ///< torch: "cuda", "cuda:1"
  /// "fp32"; native: "int8", linear layers of the image's transformer blocks in int8, or "bf16", those and
  /// attention in bfloat16 where the processor multiplies it; torch: "bf16", on CUDA "fp16"; "auto": what is
  /// fastest here; "model": "int8" for a file of int8 weights where that is faster, else "fp32". facts()
  /// tells what it came to.
  std::string precision = "model";
  std::string method;                  ///< see methods(); empty: the one the model file is made for
  int threads = 0;                     ///< of all segmenters of the model together; 0: one per processor
  std::optional<ThreadBudget> budget;  ///< shared with other models; takes the place of `threads`
  std::filesystem::path bpe_file;      ///< tokenizer merges that replace the model's own
  std::string formula_seed;            ///< of "formula:NAME"
  /// How often labels of a score are right: a file that `san evaluate --calibrate` wrote for this network;
  /// "none"; empty: the built-in model's own, none for others.
  std::string calibration;
  /// What words are computed in, once for a vocabulary: "fp32"; native: "int8" or, where the processor
  /// multiplies it, "bf16", linear layers of the text tower's transformer blocks; "auto": "int8" where that
  /// is faster.
  std::string text_precision = "fp32";
};

/// Names that ModelOptions takes in this program, sorted.
SAN_API std::vector<std::string> backends();
SAN_API std::vector<std::string> methods();

struct ModelFacts {
  std::string name;         ///< as it was asked for
  std::string description;  ///< one sentence: which network, whose weights
  std::string license, card;
  std::string limits;  ///< what it cannot do, as its card says, Markdown; empty when the card does not say
  std::string method, backend, device, precision, text_precision;
  bool knows_background = false;   ///< SegmentationOptions::other is possible with its method
  bool makes_masks = false;        ///< Segmentation::proposals() is
  bool takes_banks = false;        ///< Model::with_bank() is
  bool random_weights = false;     ///< labels mean nothing
  bool untrained_adapter = false;  ///< a CLIP alone: masks mean nothing yet
  std::int64_t parameters = 0;     ///< all of them, text tower included
  std::int64_t text_parameters = 0;
  ScoreCurve curve;  ///< what scores of labels say; not known: they are taken for probabilities
  int short_side = 0, long_side = 0;  ///< pixels that a picture's sides are resized to (the long one at most)
  int embedding = 0;                  ///< values per name
  int context = 0;                    ///< tokens that a prompt may have
  std::vector<std::string> templates;  ///< prompt templates
};

/// What one picture costs.
struct PictureCost {
  int height = 0, width = 0;               ///< of the network's input, padded, pixels
  std::int64_t macs = 0;                   ///< multiply-adds of the image branch
  std::int64_t peak_activation_bytes = 0;  ///< float32 values alive at once, weights not counted
};

/// A network with its weights prepared for a backend. Immutable, shared by copies, used from any number of
/// threads.
class SAN_API Model {
 public:
  /// A model file, the name of one that `san pull` fetched, "default" (built in), or "formula:vit-b-16",
  /// "formula:vit-l-14-336", "formula:tiny": real networks with random weights, for tests and timing. Throws
  /// Error naming the file and everything in it that does not fit.
  static Model load(const std::string& model = "default", const ModelOptions& options = {});

  const std::string& description() const;  ///< facts().description
  ModelFacts facts() const;
  /// Of a picture of that many pixels, resized as by default. Throws Error on sizes that are not positive.
  PictureCost cost(int height, int width) const;

  /// "couch|sofa" is one class with two names. Throws Error on empty, repeated and too long names, and
  /// Cancelled.
  Vocabulary vocabulary(const std::vector<std::string>& classes, const VocabularyOptions& options = {}) const;
  /// Of classes as parse_class_list() and its like return them.
  Vocabulary vocabulary(std::span<const ClassName> classes, const VocabularyOptions& options = {}) const;
  /// As Vocabulary::save() wrote it. Throws Error on a damaged file and on one of another text tower.
  Vocabulary load_vocabulary(const std::filesystem::path& path) const;

  /// For VocabularyOptions::distractors: names of things that a picture may show beside these classes, of
  /// those that the model is at home with; none that is a name or a kind of a class, or whose embedding lies
  /// as near to a class's as a synonym's may. Of the options what concerns the cache, templates and `watch`
  /// counts.
  std::vector<std::string> distractors(std::span<const ClassName> classes,
                                       const VocabularyOptions& options = {}) const;

  /// The same words, of which the bank knows examples too; classes find theirs by name, whatever the case,
  /// and those without keep to words. weight: of examples beside words, in [0, 1000]; negative: the bank's
  /// own, less for pictures unlike its own. Throws Error on another network's bank, and without any example.
  Vocabulary with_bank(const Vocabulary& vocabulary, const Bank& bank, float weight = -1) const;
  /// For a bank of the vocabulary's classes. Throws Error where the method takes none (all but "san").
  BankBuilder bank_builder(const Vocabulary& vocabulary) const;
  /// Goes on with a bank, whose classes are all among the vocabulary's: its pictures and those that are added
  /// count alike, its gate stays. Throws Error on another network's bank, and as above.
  BankBuilder bank_builder(const Vocabulary& vocabulary, const Bank& bank) const;
  /// Whether with_bank() takes it: it is this network's, and the method takes banks.
  bool takes(const Bank& bank) const;

  /// A workspace for one thread at a time. Cheap beside the model: weights and threads are shared.
  Segmenter segmenter() const;

 private:
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace san
