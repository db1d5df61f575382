#include "sweep.h"

#include "base/error.h"
#include "evaluated_model.h"

namespace san::cli {
namespace {

ViewOptions looks(ViewOptions views, std::vector<double> sizes, bool mirrored) {
  views.sizes = std::move(sizes), views.mirrored = mirrored;
  return views;
}

}  // namespace

void check_sweep(const EvaluateArguments& a) {
  require(a.predictions.empty() && a.merge.empty() && a.save == "none" && !a.check && a.calibrate.empty(),
          "evaluate: --sweep compares ways of one model; leave out --predictions, --merge, "
          "--save-predictions, --calibrate and --check");
  require(a.answers.min_score == 0,
          "evaluate: --sweep: leave out --min-score, which would hold for every row");
}

std::vector<Technique> sweep_techniques(const EvaluateArguments& a, const DatasetSpec& spec,
                                        const Program& program) {
  EvaluatedModel model(a, spec, program);
  const ViewOptions asked = model.views();
  ViewOptions whole = asked;
  whole.augment = false, whole.window = 0, whole.tiles = {};
  const AnswerArguments words;

  std::vector<Technique> out;
  const auto add = [&](std::string name, const AnswerArguments& answers, const ViewOptions& views) {
    out.push_back({std::move(name), model.predictor(answers, views)});
  };
  add("words alone", words, whole);
  AnswerArguments refined;
  refined.refine = true;
  add("refined", refined, whole);
  if (!a.answers.distractors.empty() && a.answers.distractors != "none") {
    AnswerArguments others;
    others.distractors = a.answers.distractors;
    add("distractors", others, whole);
  }
  if (a.answers.synonyms == "auto") {
    AnswerArguments others;
    others.synonyms = "auto";
    add("other names too", others, whole);
  }
  if (!a.answers.bank.empty()) {
    AnswerArguments bank;
    bank.bank = a.answers.bank;
    add("bank", bank, whole);
    bank.refine = true;
    add("bank, refined", bank, whole);
    add("bank, refined, mirrored too", bank, looks(whole, {}, true));
  }
  add("mirrored too", words, looks(whole, {}, true));
  add("sizes 1, 1.25", words, looks(whole, {1, 1.25}, false));
  add("sizes 0.75, 1, 1.25", words, looks(whole, {0.75, 1, 1.25}, false));
  add("these, mirrored too", words, looks(whole, {0.75, 1, 1.25}, true));
  const auto add_views = [&](std::string name, const auto& set) {
    ViewOptions views = whole;
    set(views);
    add(std::move(name), words, views);
  };
  if (asked.window > 0)
    add_views(fmt::format("windows of {}", asked.window), [&](ViewOptions& v) { v.window = asked.window; });
  if (asked.tiles.side > 0)
    add_views(fmt::format("tiles of {}", asked.tiles.side), [&](ViewOptions& v) { v.tiles = asked.tiles; });
  if (asked.augment) add_views("--tta", [](ViewOptions& v) { v.augment = true; });
  return out;
}

}  // namespace san::cli
