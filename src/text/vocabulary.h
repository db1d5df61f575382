#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "text/bpe_tokenizer.h"
#include "text/class_names.h"
#include "text/embedding_cache.h"
#include "text/prompt_templates.h"

namespace san {

class Progress;

/// What labelled examples of the classes say of a picture's embeddings (src/bank). Immutable.
struct ExampleLogits {
  ExampleLogits() = default;
  ExampleLogits(const ExampleLogits&) = delete;
  ExampleLogits& operator=(const ExampleLogits&) = delete;
  virtual ~ExampleLogits() = default;

  /// Adds to the logits [count, classes] of one look, for all its embeddings of length 1, [count, dim].
  virtual void add(std::span<const float> embeddings, std::span<float> logits) const = 0;
};

/// A vocabulary as the segmentation head takes it: one row per name, one or more consecutive rows per class.
struct TextEmbeddings {
  std::vector<std::string> classes;  // labels
  std::vector<int> first_row;  // class c has rows first_row[c] … first_row[c + 1] - 1; classes + 1 entries
  int dim = 0;
  std::vector<float> rows;  // [row count, dim], each of length 1
  int distractors = 0;      // the last so many classes: looked for too, but what they win is "other"
  std::shared_ptr<const ExampleLogits> examples = nullptr;

  /// Classes that were asked for.
  int asked() const { return static_cast<int>(classes.size()) - distractors; }
  int row_count() const { return first_row.empty() ? 0 : first_row.back(); }
  /// The class of every row.
  std::vector<int> row_classes() const;
};

/// The text tower: token numbers of prompts, each from start to end token, to one embedding of length 1 each:
/// [prompts, dim], row-major. Prompts come in the order of their tokens, so that those which begin alike are
/// neighbours; a tower may compute what they have in common once.
using EncodePrompts = std::function<std::vector<float>(const std::vector<std::vector<int>>& prompts)>;

/// Where a batch of `prompts`, sorted by their tokens, that begins at `begin` ends: as many prompts as have
/// `budget` tokens in all, what two neighbours have in common counted once; at least one.
std::size_t batch_end(std::span<const std::vector<int>> prompts, std::size_t begin, int budget);

struct EncodeOptions {
  int batch_tokens = 1024;  // per call of the text tower, those in common with the prompt before not counted
  bool quiet = false;       // no progress bar
  const std::atomic<bool>* cancelled = nullptr;  // checked before every batch
  EmbeddingCache* cache = nullptr;               // none: nothing is kept
  std::string model_hash;                        // of the text tower; needed with a cache
  std::function<void(std::int64_t done, std::int64_t total)> progress = nullptr;  // called after every batch
};

/// Embeds class names: every template filled, tokenised, cut after its end token (exact under causal
/// attention), batched with prompts that begin alike; the mean over templates scaled to length 1.
class VocabularyEncoder {
 public:
  /// Holds a reference to `tokenizer`. `dim` is the number of values that `encode_prompts` returns per
  /// prompt.
  VocabularyEncoder(const BpeTokenizer& tokenizer, PromptTemplates templates, EncodePrompts encode_prompts,
                    int dim);

  /// Throws Error when a prompt does not fit the context, the text tower returns anything but finite values
  /// of the promised number, or `options.cancelled` becomes true (what was finished by then stays in the
  /// cache).
  TextEmbeddings encode(std::span<const ClassName> classes, const EncodeOptions& options = {}) const;

 private:
  using Rows = std::map<std::string, std::vector<float>>;
  void check_lengths(std::span<const std::string> names) const;
  Rows embed(std::span<const std::string> names, const EncodeOptions& options, Progress& progress) const;

  const BpeTokenizer& tokenizer_;
  PromptTemplates templates_;
  EncodePrompts encode_prompts_;
  int dim_;
};

}  // namespace san
