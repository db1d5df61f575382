#include "engine/name_advice.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "engine/distractors.h"
#include "text/class_names.h"
#include "text/text_cleaning.h"

namespace san {
namespace {

// A pair is near when its similarity is further above what either has to the known names, in the mean, than
// so many standard deviations: the rule by which distractors are left out.
constexpr double kNearDeviations = 3.5;
constexpr double kStrangeShare = 0.02;  // of the known names are as far from all others

/// Names as a list of single ones, embedded together.
std::shared_ptr<const TextEmbeddings> embed(const LoadedModel& model, const Backend& backend,
                                            std::span<const std::string> names,
                                            const EncodingOptions& options) {
  return encode_vocabulary(model, backend, make_classes(names), options);
}

double similarity(const TextEmbeddings& a, std::size_t i, const TextEmbeddings& b, std::size_t j) {
  const auto dim = static_cast<std::size_t>(a.dim);
  const float *x = &a.rows[i * dim], *y = &b.rows[j * dim];
  return std::inner_product(x, x + dim, y, 0.0, std::plus<>(),
                            [](float u, float v) { return static_cast<double>(u) * static_cast<double>(v); });
}

std::vector<DistractorName> familiar_names(const LoadedModel& model) {
  return distractor_names(model.name == "default" ? "drawn" : "photographed");
}

std::shared_ptr<const TextEmbeddings> embed(const LoadedModel& model, const Backend& backend,
                                            const std::vector<DistractorName>& names,
                                            const EncodingOptions& options) {
  std::vector<std::string> alone;
  for (const DistractorName& n : names) alone.push_back(n.name);
  return embed(model, backend, alone, options);
}

struct Asked {
  std::vector<std::string> names;
  std::vector<std::size_t> class_of;

  explicit Asked(std::span<const ClassName> classes) {
    for (std::size_t c = 0; c < classes.size(); ++c)
      for (const std::string& name : classes[c].names) names.push_back(name), class_of.push_back(c);
  }
};

/// Mean and standard deviation of a name's similarities to known names other than itself, and the nearest.
struct Neighbourhood {
  double mean = 0, deviation = 0, nearest = -1;
  std::size_t nearest_index = 0;
};

Neighbourhood neighbourhood(const TextEmbeddings& e, std::size_t i, const TextEmbeddings& known) {
  Neighbourhood out;
  double sum = 0, squares = 0, count = 0;
  for (std::size_t k = 0; k < known.classes.size(); ++k) {
    if (clean_text(known.classes[k]) == clean_text(e.classes[i])) continue;
    const double s = similarity(e, i, known, k);
    sum += s, squares += s * s, ++count;
    if (s > out.nearest) out.nearest = s, out.nearest_index = k;
  }
  out.mean = sum / count;
  out.deviation = std::sqrt(std::max(0.0, squares / count - out.mean * out.mean));
  return out;
}

/// What all but kStrangeShare of the known names reach among each other.
double usual_similarity(const TextEmbeddings& known) {
  std::vector<double> nearest;
  for (std::size_t k = 0; k < known.classes.size(); ++k)
    nearest.push_back(neighbourhood(known, k, known).nearest);
  std::ranges::sort(nearest);
  return nearest[static_cast<std::size_t>(kStrangeShare * static_cast<double>(nearest.size()))];
}

std::vector<SplitName> split_by_templates(const LoadedModel& model, const Backend& backend,
                                          const Asked& asked, const TextEmbeddings& whole,
                                          EncodingOptions options) {
  const std::vector<std::string> templates =
      options.templates.empty() ? model.templates.texts : options.templates;
  std::vector<SplitName> out(asked.names.size());
  for (const std::string& text : templates) {
    options.templates = {text};
    const auto one = embed(model, backend, asked.names, options);
    for (std::size_t i = 0; i < asked.names.size(); ++i) {
      std::size_t best = i;
      for (std::size_t j = 0; j < asked.names.size(); ++j)
        if (similarity(*one, i, whole, j) > similarity(*one, i, whole, best)) best = j;
      if (asked.class_of[best] == asked.class_of[i]) continue;
      out[i].name = asked.names[i];
      out[i].templates.push_back(text);
      out[i].taken_for.push_back(asked.names[best]);
    }
  }
  std::erase_if(out, [](const SplitName& s) { return s.templates.empty(); });
  std::ranges::stable_sort(out, std::ranges::greater{},
                           [](const SplitName& s) { return s.templates.size(); });
  return out;
}

}  // namespace

NameAdvice advise(const LoadedModel& model, const Backend& backend, std::span<const ClassName> classes,
                  const EncodingOptions& options) {
  const Asked asked(classes);
  const auto e = embed(model, backend, asked.names, options);
  const std::vector<DistractorName> familiar = familiar_names(model);
  const auto known = embed(model, backend, familiar, options);
  std::vector<Neighbourhood> around;
  for (std::size_t i = 0; i < asked.names.size(); ++i) around.push_back(neighbourhood(*e, i, *known));

  NameAdvice out;
  for (std::size_t i = 0; i < asked.names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (asked.class_of[i] == asked.class_of[j]) continue;
      const double s = similarity(*e, i, *e, j);
      const auto far = [&](const Neighbourhood& n) { return s <= n.mean + kNearDeviations * n.deviation; };
      if (!far(around[i]) || !far(around[j])) out.near.push_back({asked.names[j], asked.names[i], s});
    }
  std::ranges::stable_sort(out.near, std::ranges::greater{}, &NearNames::similarity);

  const double least = model.name == "default" ? 2 : usual_similarity(*known);
  for (std::size_t i = 0; i < asked.names.size(); ++i) {
    const bool taught =
        std::ranges::any_of(familiar, [&](const auto& n) { return names_related(asked.names[i], n); });
    if (!taught && around[i].nearest < least)
      out.strange.push_back({asked.names[i], known->classes[around[i].nearest_index], around[i].nearest});
  }
  std::ranges::stable_sort(out.strange, {}, &StrangeName::similarity);

  out.templates = options.templates.empty() ? model.templates.texts.size() : options.templates.size();
  out.split = split_by_templates(model, backend, asked, *e, options);
  return out;
}

std::vector<NamedLike> rank_names(const LoadedModel& model, const Backend& backend,
                                  std::span<const ClassName> classes, std::size_t of,
                                  std::span<const std::string> candidates, const EncodingOptions& options) {
  if (candidates.empty()) return {};
  const Asked asked(classes);
  const auto e = embed(model, backend, asked.names, options);
  const auto c = embed(model, backend, candidates, options);
  std::vector<NamedLike> out;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    NamedLike like{candidates[i], -1, -1, ""};
    for (std::size_t j = 0; j < asked.names.size(); ++j) {
      const double s = similarity(*c, i, *e, j);
      if (asked.class_of[j] == of)
        like.to_class = std::max(like.to_class, s);
      else if (s > like.to_others)
        like.to_others = s, like.nearest_other = asked.names[j];
    }
    out.push_back(std::move(like));
  }
  std::ranges::stable_sort(out, std::ranges::greater{},
                           [](const NamedLike& n) { return n.to_class - n.to_others / 2; });
  return out;
}

}  // namespace san
