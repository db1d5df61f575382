#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "common.h"
#include "engine/engine.h"
#include "engine/name_advice.h"
#include "engine_options.h"
#include "text/text_cleaning.h"
#include "text/wordnet.h"

namespace san::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSuggestions = 6, kShownTemplates = 3;
// Longer names are Latin ones and descriptions, which no caption has; the smallest text tower reads 40
// tokens.
constexpr std::size_t kLongestName = 28, kMostWords = 3;

struct Arguments {
  ModelArguments model;
  VocabularyArguments words;
  bool suggest = false, json = false;
  std::filesystem::path wordnet = WordNet::kFolder;
};

/// One meaning of a name, with other names ranked.
struct Suggestions {
  std::string name, gloss;
  std::vector<NamedLike> names;
};

/// Names of the meaning, of what it is a kind of and of kinds of it, without those of the list.
std::vector<std::string> candidates(const NounSense& sense, std::set<std::u32string> taken) {
  std::vector<std::string> out;
  for (const auto* names : {&sense.names, &sense.kinds, &sense.examples})
    for (const std::string& name : *names) {
      const auto spaces = static_cast<std::size_t>(std::ranges::count(name, ' '));
      if (name.size() > kLongestName || spaces >= kMostWords || !taken.insert(clean_text(name)).second)
        continue;
      out.push_back(name);
    }
  return out;
}

std::vector<Suggestions> suggest(const Engine& engine, const std::vector<ClassName>& classes,
                                 const WordNet& wordnet, const Engine::VocabularyOptions& options) {
  std::set<std::u32string> asked;
  for (const ClassName& c : classes)
    for (const std::string& name : c.names) asked.insert(clean_text(name));
  std::vector<Suggestions> out;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::vector<NounSense> senses = wordnet.senses(classes[c].label);
    if (senses.empty()) {
      out.push_back({classes[c].label, "", {}});
      continue;
    }
    const NounSense& first = senses.front();
    std::vector<NamedLike> ranked =
        rank_names(engine.model(), *engine.new_backend(), classes, c, candidates(first, asked), options);
    // A name that is nearer to another class would take its pixels.
    std::erase_if(ranked, [](const NamedLike& n) { return n.to_others >= n.to_class; });
    if (ranked.size() > kSuggestions) ranked.resize(kSuggestions);
    out.push_back({classes[c].label, first.gloss, std::move(ranked)});
  }
  return out;
}

void print_text(const NameAdvice& advice, const std::vector<Suggestions>& suggestions, bool suggested) {
  for (const NearNames& n : advice.near)
    fmt::print(
        "'{}' and '{}' are near-synonyms to the model (similarity {:.3f}): pixels will go to either; make "
        "them one "
        "class, '{}|{}', or say more\n",
        n.a, n.b, n.similarity, n.a, n.b);
  for (const StrangeName& s : advice.strange)
    fmt::print(
        "'{}' is not among the names that the model is at home with; to it it is most like '{}' (similarity "
        "{:.3f})\n",
        s.name, s.nearest, s.similarity);
  for (const SplitName& s : advice.split) {
    std::string shown;
    for (std::size_t i = 0; i < std::min(s.templates.size(), kShownTemplates); ++i)
      shown += fmt::format("{}\"{}\" takes it for '{}'", i ? ", " : "", s.templates[i], s.taken_for[i]);
    fmt::print("'{}': {} of {} templates take it for another class: {}{}\n", s.name, s.templates.size(),
               advice.templates, shown, s.templates.size() > kShownTemplates ? ", …" : "");
  }
  if (advice.near.empty() && advice.strange.empty() && advice.split.empty())
    fmt::print("nothing to say against these names\n");
  if (!suggested) return;
  for (const Suggestions& s : suggestions) {
    if (s.gloss.empty() && s.names.empty()) {
      fmt::print("\n{}: not in WordNet\n", s.name);
      continue;
    }
    fmt::print("\n{}: {}\n", s.name, s.gloss);
    for (const NamedLike& n : s.names)
      fmt::print(
          "  {:<28} similarity {:.3f}{}\n", n.name, n.to_class,
          n.nearest_other.empty() ? "" : fmt::format("; to '{}' {:.3f}", n.nearest_other, n.to_others));
  }
}

void print_json(const NameAdvice& advice, const std::vector<Suggestions>& suggestions, bool suggested) {
  Json out{{"near", Json::array()}, {"strange", Json::array()}, {"split", Json::array()}};
  for (const NearNames& n : advice.near)
    out["near"].push_back({{"names", {n.a, n.b}}, {"similarity", n.similarity}});
  for (const StrangeName& s : advice.strange)
    out["strange"].push_back({{"name", s.name}, {"nearest", s.nearest}, {"similarity", s.similarity}});
  for (const SplitName& s : advice.split)
    out["split"].push_back({{"name", s.name}, {"templates", s.templates}, {"taken_for", s.taken_for}});
  out["templates"] = advice.templates;
  if (suggested) out["suggestions"] = Json::array();
  for (const Suggestions& s : suggestions) {
    Json names = Json::array();
    for (const NamedLike& n : s.names)
      names.push_back({{"name", n.name},
                       {"similarity", n.to_class},
                       {"nearest_other", n.nearest_other.empty() ? Json(nullptr) : Json(n.nearest_other)},
                       {"to_other", n.nearest_other.empty() ? Json(nullptr) : Json(n.to_others)}});
    out["suggestions"].push_back({{"name", s.name}, {"meaning", s.gloss}, {"names", std::move(names)}});
  }
  fmt::print("{}\n", out.dump(1));
}

void run(const Arguments& a, const Program& program) {
  const std::vector<ClassName> classes = a.words.parse();
  std::unique_ptr<const WordNet> wordnet;
  if (a.suggest)
    wordnet = std::make_unique<const WordNet>(WordNet::load(a.wordnet));  // before the model's time
  LoadedModel model = a.model.load();
  std::unique_ptr<Backend> backend = a.model.make_backend(model, program);
  const Engine engine(std::move(model), std::move(backend));
  if (engine.model().random_weights) log::warn("{}", engine.model().description);
  Engine::VocabularyOptions options = engine_options(a.words, program);
  options.quiet = true;  // a bar for each template would be many
  const NameAdvice advice = advise(engine.model(), *engine.new_backend(), classes, options);
  std::vector<Suggestions> suggestions;
  if (wordnet) suggestions = suggest(engine, classes, *wordnet, options);
  if (a.json)
    print_json(advice, suggestions, a.suggest);
  else
    print_text(advice, suggestions, a.suggest);
}

}  // namespace

void add_words(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("words", "What may go wrong with class names, and other names for them");
  const auto a = std::make_shared<Arguments>();
  a->model.add_to(*command);
  a->words.add_to(*command, true);
  command->add_flag("--suggest", a->suggest,
                    "Other names from WordNet for each class, the likeliest to help first");
  command
      ->add_option("--wordnet", a->wordnet,
                   "Folder of WordNet's index.noun and data.noun (Debian: wordnet-base)")
      ->capture_default_str();
  command->add_flag("--json", a->json, "JSON on standard output");
  command->footer("Example: san words --classes \"car, automobile, sofa|couch, bracket\" --suggest");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
