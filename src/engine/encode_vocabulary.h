#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/loaded_model.h"
#include "text/vocabulary.h"

namespace san {

struct EncodingOptions {
  std::vector<std::string> templates;  ///< empty: the model's own
  std::filesystem::path cache;         ///< folder of the embedding cache
  bool use_cache = true;
  bool quiet = false;
  const std::atomic<bool>* cancelled = nullptr;
  std::function<void(std::int64_t done, std::int64_t total)> progress =
      nullptr;  ///< in prompts that are not cached
};

/// Embeds class names with the model's text tower, on a fork of `backend`. Throws Error as VocabularyEncoder
/// does.
std::shared_ptr<const TextEmbeddings> encode_vocabulary(const LoadedModel& model, const Backend& backend,
                                                        std::span<const ClassName> classes,
                                                        const EncodingOptions& options);

}  // namespace san
