#include "engine/distractors.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "embedded/distractor_names.h"
#include "text/class_names.h"

namespace san {
namespace {

// A candidate is left out when its similarity to a class is further above the class's mean similarity to all
// candidates than so many standard deviations. Measured on the built-in model's names, docs/accuracy.md.
constexpr double kNearestDeviations = 3.5;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Without a plural's ending, roughly.
std::string singular(const std::string& word) {
  if (word.size() > 4 && word.ends_with("ies")) return word.substr(0, word.size() - 3) + "y";
  if (word.size() > 4 && (word.ends_with("ches") || word.ends_with("shes") || word.ends_with("xes")))
    return word.substr(0, word.size() - 2);
  return word.size() > 3 && word.ends_with("s") && !word.ends_with("ss") ? word.substr(0, word.size() - 1)
                                                                         : word;
}

std::string last_word(const std::string& name) {
  const std::size_t space = name.rfind(' ');
  return space == std::string::npos ? name : name.substr(space + 1);
}

std::vector<std::string_view> split(std::string_view text, std::string_view by) {
  std::vector<std::string_view> out;
  for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(text.size(), end + by.size()))) {
    end = std::min(text.find(by), text.size());
    out.push_back(text.substr(0, end));
  }
  return out;
}

double dot(const TextEmbeddings& e, int a, int b) {
  double sum = 0;
  for (int d = 0; d < e.dim; ++d)
    sum += static_cast<double>(e.rows[static_cast<std::size_t>(a * e.dim + d)]) *
           static_cast<double>(e.rows[static_cast<std::size_t>(b * e.dim + d)]);
  return sum;
}

}  // namespace

std::vector<DistractorName> distractor_names(std::string_view where) {
  std::vector<DistractorName> out;
  for (const std::string_view line : split(embedded::distractor_names(), "\n")) {
    const auto columns = split(line, "\t");
    if (line.starts_with('#') || columns.at(0) != where) continue;
    out.push_back({std::string(columns.at(1)), {}});
    if (columns.size() < 3) continue;
    for (const std::string_view kind : split(columns[2], ", ")) out.back().kinds.emplace_back(kind);
  }
  return out;
}

bool names_related(const std::string& asked, const DistractorName& other) {
  const std::string a = singular(lower(asked)), b = singular(lower(other.name));
  if (a == b || singular(last_word(a)) == singular(last_word(b))) return true;
  return std::ranges::any_of(other.kinds, [&](const std::string& kind) { return singular(kind) == a; });
}

std::vector<ClassName> choose_distractors(const LoadedModel& model, const Backend& backend,
                                          std::span<const ClassName> classes,
                                          const EncodingOptions& options) {
  const std::vector<DistractorName> all =
      distractor_names(model.name == "default" ? "drawn" : "photographed");
  std::vector<std::string> asked;
  for (const ClassName& c : classes) asked.insert(asked.end(), c.names.begin(), c.names.end());
  const auto related = [&](const DistractorName& candidate) {
    return std::ranges::any_of(asked, [&](const std::string& name) {
      if (names_related(name, candidate)) return true;
      // The other way round: what the lists know of the name that was asked for.
      const auto known = std::ranges::find(all, lower(name), &DistractorName::name);
      return known != all.end() && names_related(candidate.name, *known);
    });
  };
  std::vector<std::string> names;
  for (const DistractorName& candidate : all)
    if (!related(candidate)) names.push_back(candidate.name);
  if (names.empty()) return {};

  // As one list of single names: rows are the classes' names, then the candidates.
  std::vector<std::string> together = asked;
  together.insert(together.end(), names.begin(), names.end());
  std::vector<ClassName> entries;
  for (const std::string& name : together) entries.push_back({name, {name}});
  const auto e = encode_vocabulary(model, backend, entries, options);
  const auto first = static_cast<int>(asked.size());
  std::vector<bool> near(names.size());
  for (int a = 0; a < first; ++a) {
    std::vector<double> similar;
    for (int c = first; c < e->row_count(); ++c) similar.push_back(dot(*e, a, c));
    const double n = static_cast<double>(similar.size());
    const double mean = std::accumulate(similar.begin(), similar.end(), 0.0) / n;
    double variance = 0;
    for (const double s : similar) variance += (s - mean) * (s - mean) / n;
    for (std::size_t c = 0; c < similar.size(); ++c)
      if (similar[c] > mean + kNearestDeviations * std::sqrt(variance)) near[c] = true;
  }
  std::vector<ClassName> chosen;
  for (std::size_t c = 0; c < names.size(); ++c)
    if (!near[c]) chosen.push_back({names[c], {names[c]}});
  return chosen;
}

}  // namespace san
