#include "text/vocabulary.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/progress.h"

namespace san {
namespace {

// Names embedded before their rows go to the cache: few enough that an interruption loses little, many enough
// that what prompts have in common is computed for many of them.
constexpr std::size_t kNamesPerRound = 256;

/// Adds row r of `embeddings` to sums[names[r]].
void accumulate(std::span<const std::size_t> names, std::span<const float> embeddings, std::size_t dim,
                std::vector<std::vector<double>>& sums) {
  require(embeddings.size() == names.size() * dim, "text tower: {} values for {} prompts, expected {} each",
          embeddings.size(), names.size(), dim);
  for (std::size_t r = 0; r < names.size(); ++r)
    for (std::size_t d = 0; d < dim; ++d) sums[names[r]][d] += static_cast<double>(embeddings[r * dim + d]);
}

/// `sum` scaled to length 1.
std::vector<float> normalised(std::span<const double> sum, const std::string& name) {
  double square = 0;
  for (const double value : sum) square += value * value;
  const double length = std::sqrt(square);
  require(std::isfinite(length) && length > 0,
          "text tower: the embedding of '{}' has length {}; the model's weights are damaged", name, length);
  std::vector<float> row;
  for (const double value : sum) row.push_back(static_cast<float>(value / length));
  return row;
}

}  // namespace

std::size_t batch_end(std::span<const std::vector<int>> prompts, std::size_t begin, int budget) {
  std::size_t end = begin, tokens = 0;
  for (; end < prompts.size(); ++end) {
    const std::vector<int>& prompt = prompts[end];
    std::size_t known = 0;
    if (end > begin)
      known = static_cast<std::size_t>(std::ranges::mismatch(prompt, prompts[end - 1]).in1 - prompt.begin());
    tokens += prompt.size() - known;
    if (end > begin && tokens > static_cast<std::size_t>(budget)) break;
  }
  return end;
}

std::vector<int> TextEmbeddings::row_classes() const {
  std::vector<int> result;
  for (std::size_t c = 0; c < classes.size(); ++c)
    result.insert(result.end(), static_cast<std::size_t>(first_row[c + 1] - first_row[c]),
                  static_cast<int>(c));
  return result;
}

VocabularyEncoder::VocabularyEncoder(const BpeTokenizer& tokenizer, PromptTemplates templates,
                                     EncodePrompts encode_prompts, int dim)
    : tokenizer_(tokenizer),
      templates_(make_templates(std::move(templates.name), std::move(templates.texts))),
      encode_prompts_(std::move(encode_prompts)),
      dim_(dim) {
  require(dim > 0, "vocabulary encoder: embeddings of {} values", dim);
}

void VocabularyEncoder::check_lengths(std::span<const std::string> names) const {
  for (const std::string& name : names) {
    for (std::size_t t = 0; t < templates_.texts.size(); ++t) {
      const std::size_t length = tokenizer_.encode_uncut(templates_.fill(t, name)).size();
      require(
          length <= static_cast<std::size_t>(tokenizer_.context_length()),
          "class '{}' is too long: with the template '{}' it takes {} tokens, the model reads {}; shorten it",
          name, templates_.texts[t], length, tokenizer_.context_length());
    }
  }
}

VocabularyEncoder::Rows VocabularyEncoder::embed(std::span<const std::string> names,
                                                 const EncodeOptions& options, Progress& progress) const {
  std::vector<std::pair<std::vector<int>, std::size_t>> sorted;  // tokens and name of every prompt
  for (std::size_t n = 0; n < names.size(); ++n)
    for (std::size_t t = 0; t < templates_.texts.size(); ++t)
      sorted.emplace_back(tokenizer_.encode(templates_.fill(t, names[n])), n);
  // By tokens: those that begin alike become neighbours, and a name's sum runs in one order whatever the
  // vocabulary around it.
  std::ranges::sort(sorted);
  std::vector<std::vector<int>> prompts;
  std::vector<std::size_t> prompt_name;
  for (auto& [tokens, name] : sorted) {
    prompts.push_back(std::move(tokens));
    prompt_name.push_back(name);
  }

  const auto dim = static_cast<std::size_t>(dim_);
  std::vector<std::vector<double>> sums(names.size(), std::vector<double>(dim));
  for (std::size_t begin = 0, end = 0; begin < prompts.size(); begin = end) {
    if (options.cancelled && options.cancelled->load())
      throw Cancelled("embedding the vocabulary was cancelled");
    end = batch_end(prompts, begin, options.batch_tokens);
    const auto part = [&](const auto& all) { return std::span(all).subspan(begin, end - begin); };
    const auto batch = part(prompts);
    accumulate(part(prompt_name), encode_prompts_({batch.begin(), batch.end()}), dim, sums);
    progress.advance(static_cast<std::int64_t>(end - begin));
    if (options.progress) options.progress(progress.done(), progress.total());
  }
  Rows rows;
  for (std::size_t n = 0; n < names.size(); ++n) rows.emplace(names[n], normalised(sums[n], names[n]));
  return rows;
}

TextEmbeddings VocabularyEncoder::encode(std::span<const ClassName> classes,
                                         const EncodeOptions& options) const {
  require(!classes.empty(), "vocabulary: no classes; give at least one name");
  require(options.batch_tokens >= 1, "vocabulary: batches of {} tokens", options.batch_tokens);
  std::vector<std::string> names;
  for (const ClassName& entry : classes) names.insert(names.end(), entry.names.begin(), entry.names.end());

  const EmbeddingScope scope{options.model_hash, tokenizer_.content_hash(), templates_.texts, dim_};
  Rows rows;
  if (options.cache) {
    require(!options.model_hash.empty(), "vocabulary: a cache needs the model's hash");
    rows = options.cache->load(scope, names);
  }
  std::vector<std::string> missing;
  std::ranges::copy_if(names, std::back_inserter(missing),
                       [&](const std::string& name) { return !rows.contains(name); });
  check_lengths(missing);
  Progress progress("embedding names", static_cast<std::int64_t>(missing.size() * templates_.texts.size()),
                    options.quiet || missing.empty());
  for (std::size_t begin = 0; begin < missing.size(); begin += kNamesPerRound) {
    const std::size_t count = std::min(kNamesPerRound, missing.size() - begin);
    Rows fresh = embed(std::span(missing).subspan(begin, count), options, progress);
    if (options.cache) options.cache->store(scope, fresh);
    rows.merge(fresh);
  }

  TextEmbeddings result{{}, {0}, dim_, {}};
  for (const ClassName& entry : classes) {
    result.classes.push_back(entry.label);
    result.first_row.push_back(result.first_row.back() + static_cast<int>(entry.names.size()));
    for (const std::string& name : entry.names) {
      const std::vector<float>& row = rows.at(name);
      result.rows.insert(result.rows.end(), row.begin(), row.end());
    }
  }
  return result;
}

}  // namespace san
