#include <map>
#include <mutex>

#include "api/c_support.h"
#include "base/error.h"
#include "san/class_names.hpp"
#include "san/label_sets.hpp"

using namespace san::c;

namespace {

san::VocabularyOptions vocabulary_options(const san_vocabulary_options* given) {
  const san_vocabulary_options o = read(given, "san_vocabulary_options");
  san::VocabularyOptions options;
  if (o.template_count > 0) need(o.templates, "san_vocabulary_options.templates");
  for (size_t i = 0; i < o.template_count; ++i) {
    need(o.templates[i], "a template");
    options.templates.emplace_back(o.templates[i]);
  }
  options.cache_folder = text_or(o.cache_folder, "");
  options.use_cache = o.no_cache == 0;
  if (o.distractor_count > 0) need(o.distractors, "san_vocabulary_options.distractors");
  for (size_t i = 0; i < o.distractor_count; ++i) {
    need(o.distractors[i], "a distractor");
    options.distractors.emplace_back(o.distractors[i]);
  }
  options.choose_distractors = o.choose_distractors != 0;
  options.watch = watch(o.cancellation, o.progress, o.user);
  return options;
}

/// The classes, with other names for them where the options ask for that.
std::vector<san::ClassName> with_options(std::vector<san::ClassName> classes,
                                         const san_vocabulary_options* given) {
  const san_vocabulary_options o = read(given, "san_vocabulary_options");
  return o.synonyms != nullptr ? san::with_synonyms(classes, o.synonyms) : classes;
}

std::vector<san::ClassName> parsed(const char* const* classes, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    need(classes[i], "a class name");
    names.emplace_back(classes[i]);
  }
  return san::parse_classes(names, "class names");
}

san_buffer* lines_of(const std::vector<std::string>& names) {
  std::string lines;
  for (const std::string& name : names) lines += name + "\n";
  return buffer(lines);
}

/// A vocabulary of what `classes` returns.
template <class Classes>
san_vocabulary* make_vocabulary(const san_model* model, const san_vocabulary_options* options,
                                Classes&& classes) {
  return guard<san_vocabulary*>(nullptr, [&] {
    const san::Model& m = at(model, "model").model;
    return new san_vocabulary{m.vocabulary(with_options(classes(), options), vocabulary_options(options))};
  });
}

/// A built-in list, read once and kept, since C is given its names.
const san::LabelSet& kept_label_set(const char* name) {
  need(name, "label_set");
  static std::mutex mutex;
  static std::map<std::string, san::LabelSet, std::less<>> sets;
  const std::lock_guard lock(mutex);
  const auto known = sets.find(std::string_view(name));
  return known != sets.end() ? known->second : sets.emplace(name, san::label_set(name)).first->second;
}

/// Entry `index` of names that never change; null beyond the last.
const char* name_at(const std::vector<std::string>& names, size_t index) {
  return index < names.size() ? names[index].c_str() : nullptr;
}

}  // namespace

san_model* san_model_load(const char* model, const san_model_options* given) {
  return guard<san_model*>(nullptr, [&] {
    need(model, "model");
    const san_model_options o = read(given, "san_model_options");
    san::ModelOptions options;
    options.backend = text_or(o.backend, "native");
    options.device = text_or(o.device, "cpu");
    options.precision = text_or(o.precision, "model");
    options.method = text_or(o.method, "");
    options.threads = o.threads;
    if (o.budget != nullptr) options.budget = o.budget->budget;
    options.bpe_file = text_or(o.bpe_file, "");
    options.formula_seed = text_or(o.formula_seed, "");
    options.calibration = text_or(o.calibration, "");
    options.text_precision = text_or(o.text_precision, "fp32");
    const san::Model loaded = san::Model::load(model, options);
    return new san_model{loaded, loaded.facts()};
  });
}
void san_model_free(san_model* model) {
  delete model;
}

int san_model_get_facts(const san_model* model, san_model_facts* facts) {
  return status([&] {
    const san::ModelFacts& f = at(model, "model").facts;
    san_model_facts out{};
    out.name = f.name.c_str();
    out.description = f.description.c_str();
    out.license = f.license.c_str();
    out.card = f.card.c_str();
    out.limits = f.limits.c_str();
    out.method = f.method.c_str();
    out.backend = f.backend.c_str();
    out.device = f.device.c_str();
    out.precision = f.precision.c_str();
    out.text_precision = f.text_precision.c_str();
    out.knows_background = f.knows_background ? 1 : 0;
    out.makes_masks = f.makes_masks ? 1 : 0;
    out.random_weights = f.random_weights ? 1 : 0;
    out.untrained_adapter = f.untrained_adapter ? 1 : 0;
    out.parameters = f.parameters;
    out.text_parameters = f.text_parameters;
    out.short_side = f.short_side;
    out.long_side = f.long_side;
    out.embedding = f.embedding;
    out.context = f.context;
    out.template_count = static_cast<int32_t>(f.templates.size());
    out.curve_a = f.curve.a;
    out.curve_b = f.curve.b;
    out.knows_curve = f.curve.known() ? 1 : 0;
    out.takes_banks = f.takes_banks ? 1 : 0;
    fill(facts, out, "san_model_facts");
  });
}

int san_model_get_cost(const san_model* model, int height, int width, san_cost* cost) {
  return status([&] {
    const san::PictureCost c = at(model, "model").model.cost(height, width);
    fill(cost, {0, c.height, c.width, c.macs, c.peak_activation_bytes}, "san_cost");
  });
}

const char* san_model_template(const san_model* model, size_t index) {
  return model != nullptr ? name_at(model->facts.templates, index) : nullptr;
}
const char* san_backend_name(size_t index) {
  static const std::vector<std::string> names = san::backends();
  return name_at(names, index);
}
const char* san_method_name(size_t index) {
  static const std::vector<std::string> names = san::methods();
  return name_at(names, index);
}
const char* san_label_set_name(size_t index) {
  static const std::vector<std::string> names = san::shipped_label_sets();
  return name_at(names, index);
}
size_t san_label_set_size(const char* label_set) {
  return guard<size_t>(0, [&] { return kept_label_set(label_set).classes.size(); });
}
int san_label_set_get(const char* label_set, size_t index, san_label_set_class* entry) {
  return status([&] {
    const san::LabelSet& set = kept_label_set(label_set);
    san::require(index < set.classes.size(), "label set {}: class {} of {}", set.name, index,
                 set.classes.size());
    const int32_t is_thing = set.is_thing.empty() ? -1 : set.is_thing[index] ? 1 : 0;
    fill(entry, {0, set.classes[index].c_str(), set.dataset_ids[index], is_thing, 0}, "san_label_set_class");
  });
}
san_buffer* san_label_set_palette(const char* label_set) {
  return guard<san_buffer*>(nullptr, [&] {
    std::string bytes;
    for (const san::Rgb& color : kept_label_set(label_set).palette) bytes.append(color.begin(), color.end());
    return buffer(bytes);
  });
}
san_buffer* san_prompt_templates(const char* set_or_file) {
  return guard<san_buffer*>(nullptr, [&] {
    need(set_or_file, "set_or_file");
    return lines_of(san::prompt_templates(set_or_file));
  });
}

san_vocabulary* san_vocabulary_create(const san_model* model, const char* const* classes, size_t count,
                                      const san_vocabulary_options* options) {
  return make_vocabulary(model, options, [&] {
    need(classes, "classes");
    return parsed(classes, count);
  });
}

san_vocabulary* san_vocabulary_parse(const san_model* model, const char* list,
                                     const san_vocabulary_options* options) {
  return make_vocabulary(model, options, [&] {
    need(list, "list");
    return san::parse_class_list(list);
  });
}

san_vocabulary* san_vocabulary_read(const san_model* model, const char* path,
                                    const san_vocabulary_options* options) {
  return make_vocabulary(model, options, [&] {
    need(path, "path");
    return san::load_class_file(path);
  });
}

san_vocabulary* san_vocabulary_of_label_set(const san_model* model, const char* label_set,
                                            const san_vocabulary_options* options) {
  return make_vocabulary(model, options, [&] {
    need(label_set, "label_set");
    return san::label_set_classes(label_set);
  });
}

int san_vocabulary_save(const san_vocabulary* vocabulary, const char* path) {
  return status([&] {
    need(path, "path");
    at(vocabulary, "vocabulary").vocabulary.save(path);
  });
}

san_vocabulary* san_vocabulary_load(const san_model* model, const char* path) {
  return guard<san_vocabulary*>(nullptr, [&] {
    need(path, "path");
    return new san_vocabulary{at(model, "model").model.load_vocabulary(path)};
  });
}

san_buffer* san_distractors(const san_model* model, const char* const* classes, size_t count,
                            const san_vocabulary_options* options) {
  return guard<san_buffer*>(nullptr, [&] {
    if (count > 0) need(classes, "classes");
    return lines_of(
        at(model, "model")
            .model.distractors(with_options(parsed(classes, count), options), vocabulary_options(options)));
  });
}

size_t san_vocabulary_size(const san_vocabulary* vocabulary) {
  return vocabulary != nullptr ? vocabulary->vocabulary.classes().size() : 0;
}
const char* san_vocabulary_class(const san_vocabulary* vocabulary, size_t index) {
  return vocabulary != nullptr ? name_at(vocabulary->vocabulary.classes(), index) : nullptr;
}
san_buffer* san_vocabulary_distractors(const san_vocabulary* vocabulary) {
  return guard<san_buffer*>(nullptr,
                            [&] { return lines_of(at(vocabulary, "vocabulary").vocabulary.distractors()); });
}
void san_vocabulary_free(san_vocabulary* vocabulary) {
  delete vocabulary;
}
