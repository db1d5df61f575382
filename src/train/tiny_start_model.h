#pragma once
#include <filesystem>
#include <initializer_list>

#include "checkpoint/model_file.h"
#include "model/initial_parameters.h"
#include "text/bpe_trainer.h"

namespace san::test {

/// Writes a network to start a test's training from, its tokenizer made of a few merges of `words`.
inline void write_tiny_start_model(const std::filesystem::path& path,
                                   std::initializer_list<const char*> words) {
  WordCounts counts;
  for (const char* word : words) count_words(word, counts);
  const BpeMerges merges = train_bpe(counts, 8);
  SanConfig config = SanConfig::tiny();
  config.clip.vocabulary = 514 + static_cast<std::int64_t>(merges.size());
  ModelMetadata metadata;
  metadata.config = config.to_json();
  metadata.merges = format_bpe_merges(merges);
  metadata.templates = {"a {}"};
  metadata.activation = activation_name(config.clip.activation);
  write_model_file(path, InitialParameters(config, 3), metadata, DType::kF32);
}

}  // namespace san::test
