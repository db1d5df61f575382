#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "api/internal.h"
#include "base/bounded_json.h"
#include "base/labels.h"
#include "checkpoint/safetensors.h"
#include "san/label_sets.hpp"
#include "text/class_names.h"
#include "text/prompt_templates.h"
#include "text/text_cleaning.h"

namespace san {
namespace {

constexpr const char* kFormat = "san vocabulary 1";
using Json = nlohmann::json;

std::shared_ptr<const TextEmbeddings> shared(TextEmbeddings e) {
  return std::make_shared<const TextEmbeddings>(std::move(e));
}

/// Labels and row counts from the file's metadata. Throws Error.
void read_classes(const SafetensorsFile& file, TextEmbeddings& out) {
  const Json classes =
      parse_bounded_json(file.metadata("classes"), file.description() + ": metadata \"classes\"");
  require(classes.is_array() && !classes.empty() && classes.size() <= kMaxClasses,
          "{}: its list of classes is damaged", file.description());
  for (const Json& entry : classes) {
    require(entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number_integer(),
            "{}: its list of classes is damaged", file.description());
    const auto rows = entry[1].get<std::int64_t>();
    require(rows >= 1 && rows <= 1 << 20 && out.row_count() <= 1 << 20, "{}: a class of {} names",
            file.description(), rows);
    out.classes.push_back(entry[0].get<std::string>());
    out.first_row.push_back(out.first_row.back() + static_cast<int>(rows));
  }
}

TextEmbeddings read_embeddings(const std::filesystem::path& path, const LoadedModel& model) {
  const auto file = SafetensorsFile::open(path);
  const auto format = file->metadata().find("format");
  require(format != file->metadata().end() && format->second == kFormat,
          "{}: not a saved vocabulary; expected \"format\": \"{}\"", path.string(), kFormat);
  require(file->metadata("text_tower") == model.text_hash,
          "{}: made by another text tower than that of {}; make the vocabulary anew", path.string(),
          model.name);
  TextEmbeddings e{{}, {0}, find_architecture(model.architecture, model.name).text(model.config).dim, {}};
  read_classes(*file, e);
  if (const auto last = file->metadata().find("distractors"); last != file->metadata().end()) {
    const Json count = parse_bounded_json(last->second, file->description() + ": metadata \"distractors\"");
    require(count.is_number_unsigned() && count.get<std::uint64_t>() < e.classes.size(),
            "{}: its number of distractors is damaged", file->description());
    e.distractors = count.get<int>();
  }
  require(file->contains("rows") && file->shape("rows") == Shape{e.row_count(), e.dim},
          "{}: expected embeddings \"rows\" of shape [{}, {}]", path.string(), e.row_count(), e.dim);
  e.rows = file->load("rows").to_f32();
  require(std::ranges::all_of(e.rows, [](float v) { return std::isfinite(v); }),
          "{}: embeddings that are not finite; the file is damaged", path.string());
  return e;
}

}  // namespace

std::vector<std::string> prompt_templates(const std::string& set_or_file) {
  return load_templates(set_or_file).texts;
}

const Vocabulary::Impl& Vocabulary::impl() const {
  require(impl_ != nullptr, "vocabulary: used after it was moved from");
  return *impl_;
}

const std::vector<std::string>& Vocabulary::classes() const {
  return impl().classes;
}

std::vector<std::string> Vocabulary::distractors() const {
  const TextEmbeddings& e = *impl().embeddings;
  return {e.classes.begin() + e.asked(), e.classes.end()};
}

std::shared_ptr<const Vocabulary::Impl> Vocabulary::Impl::make(std::shared_ptr<const TextEmbeddings> e,
                                                               std::string text_hash) {
  std::vector<std::string> asked(e->classes.begin(), e->classes.begin() + e->asked());
  std::vector<int> row_class = e->row_classes();
  return std::make_shared<const Impl>(
      Impl{std::move(e), std::move(text_hash), std::move(asked), std::move(row_class)});
}

void Vocabulary::save(const std::filesystem::path& path) const {
  const TextEmbeddings& e = *impl().embeddings;
  require(!e.examples, "{}: a vocabulary with examples is not saved; save the words and the bank",
          path.string());
  Json classes = Json::array();
  for (std::size_t k = 0; k < e.classes.size(); ++k)
    classes.push_back({e.classes[k], e.first_row[k + 1] - e.first_row[k]});
  std::map<std::string, std::string> metadata{
      {"format", kFormat}, {"text_tower", impl().text_hash}, {"classes", classes.dump()}};
  if (e.distractors > 0) metadata["distractors"] = Json(e.distractors).dump();
  write_safetensors(
      path, {{"rows", DType::kF32, {e.row_count(), e.dim}}}, metadata,
      [&](const TensorInfo& tensor) { return HostArray::from(tensor.shape, std::vector<float>(e.rows)); });
}

Vocabulary Model::vocabulary(const std::vector<std::string>& classes,
                             const VocabularyOptions& options) const {
  return vocabulary(parse_classes(classes, "class names"), options);
}

namespace {

/// Throws Error when a distractor is one of the classes: it would win from itself.
void require_apart(std::span<const ClassName> classes, std::span<const ClassName> distractors) {
  std::set<std::u32string> asked;
  for (const ClassName& c : classes)
    for (const std::string& name : c.names) asked.insert(clean_text(name));
  for (const ClassName& d : distractors)
    for (const std::string& name : d.names)
      require(!asked.contains(clean_text(name)), "distractors: \"{}\" is one of the classes; leave it out",
              name);
}

Engine::VocabularyOptions encoding(const VocabularyOptions& options) {
  Engine::VocabularyOptions o;
  o.templates = options.templates;
  o.cache = options.cache_folder;
  o.use_cache = options.use_cache;
  o.quiet = true;
  o.cancelled = options.watch.cancelled;
  o.progress = options.watch.progress;
  return o;
}

}  // namespace

Vocabulary Model::vocabulary(std::span<const ClassName> classes, const VocabularyOptions& options) const {
  const Engine& engine = *impl().engine;
  std::vector<ClassName> all(classes.begin(), classes.end());
  std::vector<ClassName> others;
  if (!options.choose_distractors) {
    if (!options.distractors.empty()) others = parse_classes(options.distractors, "distractors");
    require_apart(classes, others);
  } else if (classes.size() < kManyClasses && !facts().random_weights) {
    others = engine.distractors(classes, encoding(options));
  }
  all.insert(all.end(), others.begin(), others.end());
  TextEmbeddings e = *engine.encode(all, encoding(options));
  e.distractors = static_cast<int>(all.size() - classes.size());
  return Vocabulary(Vocabulary::Impl::make(shared(std::move(e)), engine.model().text_hash));
}

std::vector<std::string> Model::distractors(std::span<const ClassName> classes,
                                            const VocabularyOptions& options) const {
  return class_labels(impl().engine->distractors(classes, encoding(options)));
}

Vocabulary Model::load_vocabulary(const std::filesystem::path& path) const {
  const LoadedModel& model = impl().engine->model();
  return Vocabulary(Vocabulary::Impl::make(shared(read_embeddings(path, model)), model.text_hash));
}

}  // namespace san
