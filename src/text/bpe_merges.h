#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// Byte-pair merges in order of rank, each "left right" in CLIP's alphabet (every byte one printable
/// character, the last of a word followed by "</w>").
using BpeMerges = std::vector<std::string>;

/// OpenAI's CLIP reads this many merges of a file that has more.
inline constexpr std::size_t kClipMergeCount = 49152 - 256 - 2;

/// The merges of CLIP's bpe_simple_vocab_16e6.txt, of a Hugging Face merges.txt or tokenizer.json, or plain
/// lines; told apart by content. At most `limit` merges are taken. `where` names the text in errors. Throws
/// Error for anything malformed, a tokenizer.json of another kind than CLIP's included.
BpeMerges parse_bpe_merges(std::string_view content, const std::string& where,
                           std::size_t limit = kClipMergeCount);

/// The same from a file, which may be gzip-compressed.
BpeMerges load_bpe_merges(const std::filesystem::path& path, std::size_t limit = kClipMergeCount);

/// How many merges there are in a text as format_bpe_merges() writes it; nothing: it is another, or has more
/// than kClipMergeCount.
std::optional<std::size_t> count_formatted_merges(std::string_view text);

/// One merge per line: what parse_bpe_merges() reads back, for embedding in a model file.
std::string format_bpe_merges(const BpeMerges& merges);

}  // namespace san
