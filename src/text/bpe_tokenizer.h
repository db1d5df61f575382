#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/bpe_merges.h"

namespace san {

inline constexpr int kClipContextLength = 77;

/// UTF-8 words of `text` as CLIP splits it: cleaned, then contractions, runs of letters, single numbers, runs
/// of other characters; "<start_of_text>" and "<end_of_text>" are words of their own. Throws Error when
/// `text` is not UTF-8.
std::vector<std::string> split_words(std::string_view text);

/// The printable character that stands for `byte` in merges, as UTF-8.
std::string byte_symbol(unsigned char byte);

/// CLIP's byte-pair tokenizer for any list of merges. Token numbers: 256 bytes, 256 bytes that end a word,
/// one per merge, start of text, end of text. Safe to use from several threads.
class BpeTokenizer {
 public:
  /// Throws Error when a merge joins pieces that nothing before it makes, or `context_length` < 2.
  explicit BpeTokenizer(BpeMerges merges, int context_length = kClipContextLength);
  /// Of merges as text, which `where` names in errors. Where format_bpe_merges() could have written it, they
  /// are looked at when a first word asks: then pieces that nothing makes are an Error of whoever asks.
  static BpeTokenizer of_text(std::string merges, const std::string& where, int context_length);
  BpeTokenizer(BpeTokenizer&&) noexcept;
  BpeTokenizer& operator=(BpeTokenizer&&) noexcept;
  ~BpeTokenizer();

  int vocabulary_size() const { return end_token() + 1; }
  int start_token() const { return 512 + static_cast<int>(merge_count_); }
  int end_token() const { return start_token() + 1; }
  int context_length() const { return context_length_; }
  const BpeMerges& merges() const { return tables().merges; }
  /// SHA-256 of what determines the output, hexadecimal.
  const std::string& content_hash() const { return content_hash_; }

  /// Token numbers from start to end token, not padded. Longer than the context: cut, its last token made the
  /// end token. Nothing after an end token counts, so a text that spells "<end_of_text>" ends there.
  std::vector<int> encode(std::string_view text) const;
  /// The same, never cut to the context.
  std::vector<int> encode_uncut(std::string_view text) const;

 private:
  struct Merge {
    int rank, result;
  };
  struct Tables {
    explicit Tables(BpeMerges list);
    BpeMerges merges;
    std::unordered_map<std::uint64_t, Merge> pairs;  // (left token, right token)
  };
  struct Late;
  struct WordCache;
  /// `merges` as format_bpe_merges() writes them.
  BpeTokenizer(std::string_view merges, std::size_t count, int context_length);
  const Tables& tables() const;
  std::vector<int> encode_word(const std::string& word) const;
  std::vector<int> merge_word(const std::string& word) const;

  std::size_t merge_count_ = 0;
  int context_length_;
  std::string content_hash_;
  std::unique_ptr<Late> late_;
  std::unique_ptr<WordCache> cache_;
};

}  // namespace san
