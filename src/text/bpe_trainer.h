#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "text/bpe_merges.h"

namespace san {

using WordCounts = std::map<std::string, std::int64_t>;

/// Adds the words of `text`, split as the tokenizer splits them.
void count_words(std::string_view text, WordCounts& counts);

/// Learns at most `merge_count` merges: each joins the pair of pieces that is most frequent in the words,
/// those joined before included; of equally frequent pairs the one whose pieces came up first, words taken in
/// sorted order. Stops early when no pair occurs `min_pair_count` times. The same counts give the same merges
/// on every machine.
BpeMerges train_bpe(const WordCounts& counts, int merge_count, std::int64_t min_pair_count = 2);

}  // namespace san
