#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/internal.h"
#include "checkpoint/safetensors.h"
#include "san/label_sets.hpp"
#include "text/class_names.h"
#include "text/prompt_templates.h"

namespace san {
namespace {

constexpr const char* kFormat = "san vocabulary 1";
using Json = nlohmann::json;

/// Labels and row counts from the file's metadata. Throws Error.
void read_classes(const SafetensorsFile& file, TextEmbeddings& out) {
  const Json classes = Json::parse(file.metadata("classes"), nullptr, false);
  require(classes.is_array() && !classes.empty() && classes.size() <= 65535,
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

std::vector<ClassName> label_set_classes(std::string_view name) {
  return parse_classes(label_set(name).classes, "label set " + std::string(name));
}

const Vocabulary::Impl& Vocabulary::impl() const {
  require(impl_ != nullptr, "vocabulary: used after it was moved from");
  return *impl_;
}

const std::vector<std::string>& Vocabulary::classes() const {
  return impl().embeddings->classes;
}

void Vocabulary::save(const std::filesystem::path& path) const {
  const TextEmbeddings& e = *impl().embeddings;
  Json classes = Json::array();
  for (std::size_t k = 0; k < e.classes.size(); ++k)
    classes.push_back({e.classes[k], e.first_row[k + 1] - e.first_row[k]});
  write_safetensors(
      path, {{"rows", DType::kF32, {e.row_count(), e.dim}}},
      {{"format", kFormat}, {"text_tower", impl().text_hash}, {"classes", classes.dump()}},
      [&](const TensorInfo& tensor) { return HostArray::from(tensor.shape, std::vector<float>(e.rows)); });
}

Vocabulary Model::vocabulary(const std::vector<std::string>& classes,
                             const VocabularyOptions& options) const {
  return vocabulary(parse_classes(classes, "class names"), options);
}

Vocabulary Model::vocabulary(std::span<const ClassName> classes, const VocabularyOptions& options) const {
  Engine::VocabularyOptions o;
  o.templates = options.templates;
  o.cache = options.cache_folder;
  o.use_cache = options.use_cache;
  o.quiet = true;
  o.cancelled = options.watch.cancelled;
  o.progress = options.watch.progress;
  const Engine& engine = *impl().engine;
  return Vocabulary(std::make_shared<const Vocabulary::Impl>(
      Vocabulary::Impl{engine.encode(classes, o), engine.model().text_hash}));
}

Vocabulary Model::load_vocabulary(const std::filesystem::path& path) const {
  const LoadedModel& model = impl().engine->model();
  return Vocabulary(std::make_shared<const Vocabulary::Impl>(Vocabulary::Impl{
      std::make_shared<const TextEmbeddings>(read_embeddings(path, model)), model.text_hash}));
}

}  // namespace san
