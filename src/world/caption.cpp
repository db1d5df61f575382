#include "world/caption.h"

#include <algorithm>
#include <array>

namespace san {
namespace {

constexpr std::array<std::string_view, 12> kTemplates = {"{}",
                                                         "{}",
                                                         "a picture of {}",
                                                         "a photo of {}",
                                                         "a drawing of {}",
                                                         "an image of {}",
                                                         "there is {}",
                                                         "this is {}",
                                                         "a sticker of {}",
                                                         "look at {}",
                                                         "an illustration of {}",
                                                         "a close-up of {}"};
constexpr std::array<std::string_view, 5> kSceneTemplates = {"{}", "a photo of {}", "a picture of {}",
                                                             "you can see {}", "a scene with {}"};
constexpr std::array<std::string_view, 9> kNumbers = {"",     "",    "two",   "three", "four",
                                                      "five", "six", "seven", "eight"};

std::string fill(std::string_view pattern, std::string_view what) {
  const std::size_t at = pattern.find("{}");
  return std::string(pattern.substr(0, at)).append(what).append(pattern.substr(at + 2));
}

template <class List>
const auto& pick(const List& list, Rng& rng) {
  return list[static_cast<std::size_t>(rng.below(static_cast<int>(list.size())))];
}

bool starts_with_any(std::string_view word, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](std::string_view s) { return word.starts_with(s); });
}

std::string keyword_list(const Concept& subject, Rng& rng, int most) {
  std::string out;
  for (int i = rng.between(std::min(2, most), most); i > 0; --i) {
    const std::string& word = pick(subject.keywords, rng);
    if (out.find(word) == std::string::npos) out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

bool countable(const Concept& subject) {
  return subject.article == "a" || subject.article == "an";
}

std::string named(const Concept& subject, Rng& rng) {
  if (subject.synonyms.empty() || rng.chance(0.75f)) return subject.with_article();
  const std::string& synonym = pick(subject.synonyms, rng);
  return countable(subject) ? std::string(indefinite_article(synonym)) + " " + synonym : synonym;
}

std::string counted(const Concept& subject, int count) {
  if (count == 1 || subject.plural.empty()) return subject.with_article();
  const auto index = static_cast<std::size_t>(count);
  return (index < kNumbers.size() ? std::string(kNumbers[index]) : "many") + " " + subject.plural;
}

}  // namespace

std::string_view indefinite_article(std::string_view word) {
  if (starts_with_any(word, {"hour", "x-ray", "suv", "mp3"})) return "an";
  if (starts_with_any(word, {"uni", "ufo", "eu", "one", "use", "ukulele"})) return "a";
  return !word.empty() && std::string_view("aeiou").find(word.front()) != std::string_view::npos ? "an" : "a";
}

std::string caption_subject(const Concept& subject, Rng& rng) {
  const float kind = rng.uniform();
  if (kind < 0.05f && subject.keywords.size() >= 2) return keyword_list(subject, rng, 4);
  if (kind < 0.2f && !subject.keywords.empty()) return subject.name + ", " + keyword_list(subject, rng, 3);
  if (kind < 0.4f) return subject.name;
  // What prompt templates make of any name when it is asked for.
  if (kind < 0.5f) return "a photo of a " + subject.name;
  const std::string what = named(subject, rng);
  return fill(pick(kTemplates, rng), what);
}

std::string caption_stuff(int stuff, Rng& rng) {
  const std::string name(stuff_classes()[static_cast<std::size_t>(stuff)].name);
  const float kind = rng.uniform();
  if (kind < 0.4f) return name;
  if (kind < 0.55f) return "a photo of a " + name;
  const bool counts = name.ends_with("wall") || name.ends_with("floor") || name == "hedge" || name == "road";
  return fill(pick(kTemplates, rng), counts ? std::string(indefinite_article(name)) + " " + name : name);
}

std::string caption_scene(const std::vector<Concept>& concepts, const std::vector<int>& subjects,
                          const std::vector<int>& stuff, Rng& rng) {
  std::vector<std::pair<int, int>> counts;
  for (const int s : subjects) {
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == s; });
    if (found == counts.end())
      counts.emplace_back(s, 1);
    else
      ++found->second;
  }
  std::string list;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i > 0) list += i + 1 == counts.size() ? " and " : ", ";
    list += counted(concepts[static_cast<std::size_t>(counts[i].first)], counts[i].second);
  }
  if (list.empty()) list = "nothing";
  std::string caption = fill(pick(kSceneTemplates, rng), list);
  if (!stuff.empty() && rng.chance(0.75f))
    for (const int s : stuff) caption.append(" ").append(stuff_classes()[static_cast<std::size_t>(s)].phrase);
  return caption;
}

}  // namespace san
