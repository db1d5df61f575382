#include "program/words/vocabulary_arguments.h"

#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "program/words/distractors.h"
#include "san/label_sets.hpp"

namespace san {
namespace {

/// A progress bar for whatever embeds names.
class NamesBar {
 public:
  NamesBar(VocabularyOptions& options, bool quiet) {
    options.watch.progress = [this, quiet](std::int64_t done, std::int64_t total) {
      if (!bar_ || total != total_) {  // distractors are chosen first, then the classes are embedded
        bar_.emplace("embedding names", total, quiet);
        total_ = total;
        shown_ = 0;
      }
      bar_->advance(done - shown_);
      shown_ = done;
    };
  }

 private:
  std::optional<Progress> bar_;
  std::int64_t shown_ = 0, total_ = 0;
};

VocabularyOptions vocabulary_options(const VocabularyArguments& a, const std::atomic<bool>& interrupted) {
  VocabularyOptions o;
  if (!a.templates.empty()) o.templates = prompt_templates(a.templates);
  o.cache_folder = a.cache_dir;
  o.use_cache = !a.no_cache;
  o.watch.cancelled = &interrupted;
  return o;
}

/// Those of --distractors; where it is not given the library decides.
void set_distractors(VocabularyOptions& o, const Model& model, const std::vector<ClassName>& classes,
                     const std::string& given) {
  o.choose_distractors = given.empty();
  if (given == "auto") o.distractors = model.distractors(classes, o);
  for (const ClassName& c : listed_distractors(given))
    o.distractors.push_back(fmt::format("{}", fmt::join(c.names, "|")));
}

}  // namespace

void VocabularyArguments::add_to(CLI::App& app, bool required) {
  auto* group = app.add_option_group("Classes", "What to look for; one of these");
  list.add_to(*group);
  group->add_option("--label-set", label_set, "Built-in list")->check(CLI::IsMember(shipped_label_sets()));
  group->require_option(required ? 1 : 0, 1);
  app.add_option(
      "--templates", templates,
      "Prompt templates: vild, imagenet, single, or a file with one per line; default: the model's own");
  app.add_option("--cache-dir", cache_dir,
                 "Where text embeddings are kept between runs [$SAN_CACHE_DIR, ~/.cache/san]");
  app.add_flag("--no-cache", no_cache, "Neither read nor write the text embedding cache");
  app.add_flag("-q,--quiet", quiet, "No progress bars");
}

std::vector<ClassName> VocabularyArguments::parse() const {
  if (list.given()) return list.parse();
  if (!label_set.empty()) return label_set_classes(label_set);
  fail("no classes given; use --classes \"cat, dog\", --classes-file FILE or --label-set NAME");
}

Vocabulary embed(const Model& model, const std::vector<ClassName>& classes, const VocabularyArguments& a,
                 const std::string& distractors, const std::atomic<bool>& interrupted) {
  VocabularyOptions o = vocabulary_options(a, interrupted);
  Vocabulary words = [&] {
    const NamesBar bar(o, a.quiet);
    set_distractors(o, model, classes, distractors);
    return model.vocabulary(classes, o);
  }();
  if (const auto others = words.distractors(); !others.empty()) log::info("{}", describe_distractors(others));
  return words;
}

void warn_of_single_class(const std::vector<ClassName>& classes, bool other) {
  if (classes.size() != 1 || other) return;
  log::warn(
      "one class: every pixel becomes '{}', whatever the picture shows; name what else may be in it too, or "
      "add "
      "--background other",
      classes[0].label);
}

}  // namespace san
