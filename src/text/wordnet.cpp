#include "text/wordnet.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kFileLimitBytes = std::size_t{256} << 20;

std::string lemma_of(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), [](unsigned char c) {
    return c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  });
  return out;
}

std::string name_of(std::string_view lemma) {
  std::string out(lemma);
  std::ranges::replace(out, '_', ' ');
  return out;
}

/// WordNet's own endings of nouns, longest first.
std::vector<std::string> singulars(const std::string& lemma) {
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
      {"ches", "ch"}, {"shes", "sh"}, {"ses", "s"}, {"xes", "x"},
      {"zes", "z"},   {"men", "man"}, {"ies", "y"}, {"s", ""}};
  std::vector<std::string> out;
  for (const auto& [plural, singular] : kEndings)
    if (lemma.size() > plural.size() + 1 && lemma.ends_with(plural))
      out.push_back(lemma.substr(0, lemma.size() - plural.size()).append(singular));
  return out;
}

/// Words between single spaces, from the left.
class Fields {
 public:
  Fields(std::string_view line, const fs::path& file) : rest_(line), file_(file) {}

  std::string_view next() {
    require(!rest_.empty(), "{}: a line of it is damaged", file_.string());
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view field = rest_.substr(0, end);
    rest_.remove_prefix(std::min(rest_.size(), end + 1));
    return field;
  }
  std::uint64_t number(int base = 10) {
    const std::string_view field = next();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, base);
    require(error == std::errc() && end == field.data() + field.size(), "{}: a line of it is damaged",
            file_.string());
    return value;
  }
  void skip(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) next();
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  const fs::path& file_;
};

std::string_view line_at(const std::string& text, std::size_t begin) {
  return std::string_view(text).substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
}

}  // namespace

struct WordNet::Synset {
  std::vector<std::string> names;
  std::vector<std::uint64_t> kinds, examples;  ///< offsets
  std::string gloss;
};

WordNet WordNet::load(const fs::path& folder) {
  WordNet out;
  out.folder_ = folder;
  for (const auto& [name, text] : {std::pair{"index.noun", &out.index_}, {"data.noun", &out.data_}}) {
    require(fs::exists(folder / name),
            "{}: not there; WordNet is in Debian's package wordnet-base: apt install wordnet-base",
            (folder / name).string());
    *text = read_text_file(folder / name, kFileLimitBytes);
  }
  return out;
}

/// Without the lemma; empty: it is not there. Lines are sorted by their bytes; those of the licence begin
/// with a space.
std::string_view WordNet::index_line(const std::string& lemma) const {
  std::size_t low = 0, high = index_.size();  // where lines may begin
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const std::size_t newline = middle == 0 ? std::string::npos : index_.rfind('\n', middle - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    const std::string_view line = line_at(index_, begin);
    const std::string_view word = line.substr(0, std::min(line.find(' '), line.size()));
    if (word == lemma) return line.substr(std::min(line.size(), word.size() + 1));
    if (word < lemma)
      low = begin + line.size() + 1;
    else
      high = begin;
  }
  return {};
}

WordNet::Synset WordNet::synset(std::uint64_t offset) const {
  const fs::path file = folder_ / "data.noun";
  require(offset < data_.size() && (offset == 0 || data_[offset - 1] == '\n'),
          "{}: an entry at byte {}, where none begins; the two files are not of one release, or damaged",
          file.string(), offset);
  Fields fields(line_at(data_, offset), file);
  Synset out;
  fields.skip(3);  // its offset, its lexicographer's file, its part of speech
  for (std::uint64_t i = fields.number(16); i > 0; --i) {
    out.names.push_back(name_of(fields.next()));
    fields.skip(1);
  }
  for (std::uint64_t i = fields.number(); i > 0; --i) {
    const std::string_view relation = fields.next();
    const std::uint64_t other = fields.number();
    const bool noun = fields.next() == "n";
    fields.skip(1);
    if (noun && (relation == "@" || relation == "@i")) out.kinds.push_back(other);
    if (noun && (relation == "~" || relation == "~i")) out.examples.push_back(other);
  }
  const std::string_view rest = fields.rest();
  if (rest.starts_with("| ")) out.gloss = rest.substr(2, rest.find_last_not_of(' ') - 1);
  return out;
}

std::vector<NounSense> WordNet::senses(std::string_view name) const {
  const std::string lemma = lemma_of(name);
  std::string_view line = index_line(lemma);
  if (line.empty())
    for (const std::string& one : singulars(lemma))
      if (line = index_line(one); !line.empty()) break;
  if (line.empty() || lemma.empty()) return {};
  const fs::path file = folder_ / "index.noun";
  Fields fields(line, file);
  fields.skip(1);  // its part of speech
  const std::uint64_t count = fields.number();
  fields.skip(fields.number() + 2);  // kinds of relations, and how many senses, and are tagged
  std::vector<NounSense> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Synset own = synset(fields.number());
    NounSense& sense = out.emplace_back();
    sense.names = own.names, sense.gloss = own.gloss;
    for (const auto& [offsets, names] :
         {std::pair{&own.kinds, &sense.kinds}, {&own.examples, &sense.examples}})
      for (const std::uint64_t offset : *offsets)
        for (std::string& other : synset(offset).names) names->push_back(std::move(other));
  }
  return out;
}

}  // namespace san
