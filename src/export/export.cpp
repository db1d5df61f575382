#include "export/export.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "calibrate/calibration.h"
#include "engine/encode_vocabulary.h"
#include "engine/loaded_model.h"
#include "export/graphs.h"
#include "export/metadata.h"
#include "export/tokenizer_json.h"

namespace san {
namespace {

namespace fs = std::filesystem;

/// Files on their way into a folder: they lie in a hidden one inside it until all are whole.
class Staging {
 public:
  explicit Staging(const fs::path& folder) : folder_(folder), made_(!fs::exists(folder)) {
    std::error_code error;
    fs::create_directories(folder_, error);
    require(fs::is_directory(folder_), "{}: expected a folder to write into{}{}", folder_.string(),
            error ? ": " : "", error ? error.message() : "");
    std::string name = (folder_ / ".part-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "{}: cannot be written into: {}", folder_.string(),
            std::strerror(errno));
    stage_ = name;
  }
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(stage_, ignored);
    if (made_) fs::remove(folder_, ignored);  // unless something is in it
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  fs::path path(const std::string& name) const { return stage_ / name; }
  fs::path place(const std::string& name) const {
    fs::rename(stage_ / name, folder_ / name);
    return folder_ / name;
  }

 private:
  const fs::path folder_;
  const bool made_;
  fs::path stage_;
};

class Exporter {
 public:
  Exporter(const ExportRequest& r, const Backend& backend)
      : request_(r), model_(load_model(r.model, {r.bpe, {}})), config_(san_config(model_, "san export")) {
    require(r.names.empty() || !r.classes,
            "--static-vocabulary is for classes that are an input; these are folded in");
    if (!r.names.empty()) {
      words_ = embed(r.names, {}, backend);
      folded_.rows = words_->rows;
      for (const int c : words_->row_classes()) folded_.row_class.push_back(c);
    }
    if (r.precision == ExportPrecision::kInt8) calibrate_layers(backend);
  }

  std::vector<ExportedFile> run() {
    // All are recorded before any is written, and whole before any appears.
    const bool half = request_.precision != ExportPrecision::kFloat;
    OnnxGraph image("image_branch", request_.opset, half);
    record_image_branch(image, config_, *model_.parameters,
                        {request_.height, request_.width, request_.classes}, {}, folded_.rows, int8_);
    OnnxGraph segmenter("segmenter", request_.opset, half);
    if (request_.segmenter) record_segmenter(segmenter, config_, *model_.parameters, folded_, int8_);
    OnnxGraph text("text_tower", request_.opset, half);
    record_text_tower(text, config_, *model_.parameters, model_.tokenizer->end_token());
    staging_.emplace(request_.folder);
    save(image, "image.onnx");
    if (request_.segmenter) save(segmenter, "segmenter.onnx");
    save(text, "text.onnx");
    write("tokenizer.json", tokenizer_json(*model_.tokenizer), "for Hugging Face tokenizers");
    write("metadata.json",
          export_metadata(model_, config_, request_, words_.get(), calibration_ ? &*calibration_ : nullptr),
          "what a consumer must know");
    for (ExportedFile& file : files_) file.path = staging_->place(file.path.filename().string());
    return std::move(files_);
  }

 private:
  std::shared_ptr<const TextEmbeddings> embed(const std::vector<ClassName>& names,
                                              std::vector<std::string> templates, const Backend& backend) {
    EncodingOptions options;
    options.templates = std::move(templates);
    options.use_cache = false;
    options.quiet = request_.quiet;
    options.cancelled = request_.cancelled;
    return encode_vocabulary(model_, backend, names, options);
  }
  void calibrate_layers(const Backend& backend) {
    CalibrationRequest r;
    r.pictures = request_.calibration;
    // One template is enough to see which labels change.
    r.words = words_ ? words_ : embed(request_.calibration_names, {model_.templates.texts.at(0)}, backend);
    r.most_changed = request_.most_changed;
    r.threads = request_.threads;
    r.quiet = request_.quiet;
    r.cancelled = request_.cancelled;
    calibration_ = calibrate(model_, backend, r);
    int8_ = [this](const Param& weight) { return calibration_->scale(weight); };
  }
  void save(OnnxGraph& graph, const std::string& name) {
    graph.metadata("model", model_.name);
    if (!model_.license.empty()) graph.metadata("license", model_.license);
    Progress bar(name, graph.weight_bytes(), request_.quiet, Progress::Unit::kBytes);
    graph.save(staging_->path(name), {request_.external_data, [&](std::int64_t done, std::int64_t) {
                                        if (request_.cancelled && *request_.cancelled)
                                          fail("interrupted while writing {}", name);
                                        bar.advance(done - bar.done());
                                      }});
    add(name, fmt::format("{} nodes, operator set {}", graph.nodes(), graph.opset()));
    if (fs::exists(staging_->path(name + ".data"))) add(name + ".data", "its weights");
  }
  void write(const std::string& name, const std::string& content, const std::string& summary) {
    write_file_atomically(staging_->path(name), content);
    add(name, summary);
  }
  void add(const std::string& name, const std::string& summary) {
    files_.push_back({name, static_cast<std::int64_t>(fs::file_size(staging_->path(name))), summary});
  }

  const ExportRequest& request_;
  const LoadedModel model_;
  const SanConfig config_;
  std::shared_ptr<const TextEmbeddings> words_;  // none: an input
  FoldedClasses folded_;
  std::optional<Calibration> calibration_;
  Int8Scales int8_;
  std::optional<Staging> staging_;
  std::vector<ExportedFile> files_;
};

}  // namespace

std::vector<ExportedFile> export_onnx(const ExportRequest& request, const Backend& backend) {
  return Exporter(request, backend).run();
}

}  // namespace san
