#include "engine/quantization.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/int8_weights.h"
#include "tensor/int8_rows.h"

namespace san {
namespace {

using Rule = std::function<bool(std::string_view name)>;
using Labels = decltype(LabelMap::labels);

// What the rounding of a matrix changes, relative to it.
double weight_error(const HostArray& weight) {
  const std::vector<float> exact = weight.to_f32();
  const std::int64_t rows = weight.shape[0];
  const std::vector<float> near = quantize_rows(exact, rows, weight.elements() / rows).dequantized();
  double changed = 0, all = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    changed += std::pow(static_cast<double>(near[i]) - exact[i], 2);
    all += std::pow(static_cast<double>(exact[i]), 2);
  }
  return all > 0 ? std::sqrt(changed / all) : 0;
}

class Measurement {
 public:
  Measurement(const LoadedModel& model, const Int8BackendMaker& backend, std::span<const Image> pictures,
              const QuantizationOptions& options)
      : model_(model),
        make_backend_(backend),
        pictures_(pictures),
        options_(options),
        pool_(std::make_shared<ThreadPool>(options.threads)) {}

  void exact(std::span<const ClassName> words, const EncodingOptions& encoding, std::int64_t runs) {
    total_ = runs * static_cast<std::int64_t>(pictures_.size());
    const auto engine = make_engine(nullptr, true);
    words_ = engine->encode(words, encoding);
    exact_ = labels(engine);
    for (const Labels& l : exact_) pixels_ += static_cast<std::int64_t>(l.size());
  }

  // Share of pixels that keep their label when the layers of the rule are int8.
  double agreement(const Rule& int8, bool exact_attention = false) {
    const std::vector<Labels> near = labels(make_engine(int8, exact_attention));
    std::int64_t same = 0;
    for (std::size_t i = 0; i < near.size(); ++i)
      for (std::size_t p = 0; p < near[i].size(); ++p) same += near[i][p] == exact_[i][p];
    return static_cast<double>(same) / static_cast<double>(std::max<std::int64_t>(1, pixels_));
  }

  std::int64_t pixels() const { return pixels_; }

 private:
  std::shared_ptr<const Engine> make_engine(const Rule& int8, bool exact_attention) const {
    return std::make_shared<const Engine>(model_, make_backend_(int8, exact_attention));
  }

  std::vector<Labels> labels(const std::shared_ptr<const Engine>& engine) {
    Session session(engine, pool_);
    const Backend::CancelWhen cancel(session.backend(), options_.cancelled);
    std::vector<Labels> all;
    for (const Image& picture : pictures_) {
      all.push_back(session.segment(picture, words_).labels.labels);
      ++done_;
      if (options_.progress) options_.progress(done_, std::max(done_, total_));
    }
    return all;
  }

  const LoadedModel& model_;
  const Int8BackendMaker& make_backend_;
  std::span<const Image> pictures_;
  const QuantizationOptions& options_;
  std::shared_ptr<ThreadPool> pool_;
  std::shared_ptr<const TextEmbeddings> words_;
  std::vector<Labels> exact_;
  std::int64_t pixels_ = 0, done_ = 0, total_ = 0;
};

}  // namespace

std::set<std::string> QuantizationReport::kept() const {
  std::set<std::string> names;
  for (const LayerError& l : layers)
    if (l.kept) names.insert(l.name);
  return names;
}

QuantizationReport measure_quantization(const LoadedModel& model, const Int8BackendMaker& backend,
                                        std::span<const Image> pictures, std::span<const ClassName> words,
                                        const EncodingOptions& encoding, const QuantizationOptions& options) {
  require(!pictures.empty() && !words.empty(), "quantize: no pictures or no words to compare labels on");
  const Rule rule = int8_rule(model);
  QuantizationReport report;
  report.pictures = static_cast<int>(pictures.size());
  for (const Declaration& d : find_architecture(model.architecture, model.name).parameters(model.config))
    if (d.shape.rank() == 2 && rule(d.name))
      report.layers.push_back({d.name, d.shape.elements(), weight_error(model.parameters->load(d.name))});
  Measurement measured(model, backend, pictures, options);
  measured.exact(words, encoding, static_cast<std::int64_t>(report.layers.size()) + 3);
  report.pixels = measured.pixels();
  report.agreement_of_all = report.agreement = measured.agreement(rule);
  report.agreement_of_attention = measured.agreement([](std::string_view) { return false; });
  for (LayerError& l : report.layers)
    l.agreement = measured.agreement([&](std::string_view name) { return name == l.name; }, true);
  std::ranges::stable_sort(report.layers, {}, &LayerError::agreement);
  for (LayerError& l : report.layers) {
    if (report.agreement >= options.agreement) break;
    l.kept = true;
    const std::set<std::string> kept = report.kept();
    report.agreement = measured.agreement(
        [&](std::string_view name) { return rule(name) && !kept.contains(std::string(name)); });
  }
  return report;
}

}  // namespace san
