#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace san {

/// Everything besides the name that an embedding depends on.
struct EmbeddingScope {
  std::string model_hash;      // of the text tower's weights and shape
  std::string tokenizer_hash;  // BpeTokenizer::content_hash()
  std::vector<std::string> templates;
  int dim = 0;
};

/// Embeddings of class names on disk, shared by all processes of a user. Whatever is wrong with the disk
/// costs time, never the result: damaged entries count as missing, and where nothing can be written one
/// warning is given.
class EmbeddingCache {
 public:
  static constexpr std::size_t kDefaultMaxBytes = std::size_t{256} << 20;

  /// $SAN_CACHE_DIR, $XDG_CACHE_HOME/san or ~/.cache/san; empty when none of these is set.
  static std::filesystem::path default_directory();

  /// An empty directory makes a cache that holds nothing. `max_bytes` bounds the file of one scope; the
  /// oldest entries go first.
  explicit EmbeddingCache(std::filesystem::path directory = default_directory(),
                          std::size_t max_bytes = kDefaultMaxBytes);

  /// The embeddings there are, by name, `scope.dim` values each.
  std::map<std::string, std::vector<float>> load(const EmbeddingScope& scope,
                                                 std::span<const std::string> names) const;
  void store(const EmbeddingScope& scope, const std::map<std::string, std::vector<float>>& embeddings);

 private:
  void warn_once(const char* reason);

  std::filesystem::path directory_;
  std::size_t max_bytes_;
  bool warned_ = false;
};

}  // namespace san
