#include "verify/golden.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/labels.h"
#include "base/reader_limit.h"
#include "base/thread_pool.h"
#include "base/utf8.h"
#include "checkpoint/formula.h"
#include "checkpoint/safetensors.h"
#include "image/preprocess.h"
#include "image/resize.h"
#include "labels/mask_logits.h"
#include "labels/segmentation_head.h"
#include "model/san.h"
#include "text/bpe_tokenizer.h"
#include "text/prompt_templates.h"
#include "verify/official_config.h"
#include "verify/own_network.h"

namespace san {
namespace {

using nlohmann::json;

/// The golden file's own weights where it has them, else the formula's.
class GoldenParameters final : public ParameterSource {
 public:
  GoldenParameters(std::shared_ptr<SafetensorsFile> file, const FormulaSource& formula)
      : file_(std::move(file)), formula_(formula) {}
  std::vector<std::string> names() const override { return formula_.names(); }
  bool contains(const std::string& name) const override { return formula_.contains(name); }
  Shape shape(const std::string& name) const override {
    return stored(name) ? file_->shape("weights/" + name) : formula_.shape(name);
  }
  HostArray load(const std::string& name) const override {
    return stored(name) ? file_->load("weights/" + name) : formula_.load(name);
  }
  std::string description() const override { return file_->description(); }
  bool has_weights() const {
    return std::ranges::any_of(file_->names(),
                               [](const std::string& n) { return n.starts_with("weights/"); });
  }

 private:
  bool stored(const std::string& name) const { return file_->contains("weights/" + name); }
  std::shared_ptr<SafetensorsFile> file_;
  const FormulaSource& formula_;
};

// What recomputing a recording may take; ReaderLimits.
constexpr std::int64_t kMaxParameters = 1'000'000'000;
constexpr std::int64_t kMaxTokens = 32768;      // of either image branch
constexpr std::int64_t kMaxValues = 1ll << 29;  // of scores or mask logits at the picture's size
constexpr int kLongestSide = 65535;
constexpr std::size_t kMaxTemplates = 1000;

FormulaSource make_formula(const SanConfig& config, const std::string& seed) {
  const std::vector<Declaration> shapes = declare_parameters(config);
  const ReaderLimit limit(kMaxParameters);
  std::uint64_t total = 0;
  for (const Declaration& d : shapes) {
    require(!__builtin_add_overflow(total, d.shape.elements(), &total),
            "its network has parameters without end");
    limit.check(total, "its network", "parameters");
  }
  return {shapes, seed, "formula"};
}

/// One golden file being recomputed.
class Run {
 public:
  Run(const std::filesystem::path& path, const MakeGoldenNetwork& make, const VerifyOptions& options)
      : file_(SafetensorsFile::open(path)),
        options_(options),
        pool_(options.threads),
        config_(apply_overrides(SanConfig::named(file_->metadata("config")), metadata_or("overrides", "[]"),
                                path.string())),
        formula_(make_formula(config_, file_->metadata("seed"))),
        parameters_(file_, formula_),
        network_(make(config_, parameters_)) {}

  GoldenReport report() {
    for (const char* shown : {"case", "config", "seed"})
      require(printable(file_->metadata(shown)) == file_->metadata(shown),
              "metadata \"{}\" has control characters", shown);
    image();
    text();
    network();
    GoldenReport r;
    r.description =
        fmt::format("{}: {}, weights {}", file_->metadata("case"), file_->metadata("config"),
                    parameters_.has_weights() ? "from the file"
                                              : "by the formula, seed \"" + file_->metadata("seed") + "\"");
    for (const std::string& name : file_->names()) {
      if (name.starts_with("weights")) continue;
      const auto found = checks_.find(name);
      if (found != checks_.end()) {
        r.checks.push_back(found->second);
        continue;
      }
      const std::string reason = network_->omits(name);
      r.checks.push_back({name, 0, 0, 0, 0, reason.empty() ? "not recomputed" : reason, !reason.empty()});
    }
    return r;
  }

 private:
  std::string metadata_or(const std::string& key, const std::string& otherwise) const {
    const auto found = file_->metadata().find(key);
    return found == file_->metadata().end() ? otherwise : found->second;
  }

  // Max |float32 − float64| of the authors' code, as recorded ("max|f32-f64|=8.62e-07 …"); NaN where nothing
  // is.
  double noise(const std::string& name) const {
    const std::string text = metadata_or("noise:" + name, "");
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos) return NAN;
    double value = NAN;
    const auto [end, error] = std::from_chars(text.data() + sign + 1, text.data() + text.size(), value);
    if (error != std::errc{}) return NAN;
    require(value >= 0 && std::isfinite(value), "metadata \"noise:{}\": a noise of {}", name, value);
    return value;
  }

  int metadata_length(const std::string& key) const {
    const std::string& text = file_->metadata(key);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= kLongestSide,
            "metadata \"{}\": expected a length of 1 to {} pixels, got \"{}\"", key, kLongestSide,
            text.substr(0, 20));
    return value;
  }

  std::vector<std::string> metadata_list(const std::string& key, std::size_t most) const {
    auto list =
        parse_bounded_json(file_->metadata(key), "metadata \"" + key + "\"").get<std::vector<std::string>>();
    require(!list.empty() && list.size() <= most, "metadata \"{}\" has {} entries; expected 1 to {}", key,
            list.size(), most);
    return list;
  }

  // A recorded tensor that has one value for each of the picture's pixels.
  HostArray load_per_pixel(const std::string& name) const {
    HostArray array = file_->load(name);
    require(array.shape == Shape{height_, width_}, "tensor \"{}\" is {}; expected [{}, {}] like the picture",
            name, array.shape.str(), height_, width_);
    return array;
  }

  void record(TensorCheck check) {
    const auto [at, fresh] = checks_.emplace(check.name, check);
    if (!fresh && (check.max_error > at->second.max_error || !check.passed)) at->second = std::move(check);
  }

  void compare(const std::string& name, const Values& full, double bound_floor = 0,
               const std::string& note = {}) {
    if (!file_->contains(name)) return;
    const HostArray golden = file_->load(name);
    TensorCheck check;
    check.name = name;
    check.values = golden.elements();
    const std::vector<float> expected = golden.to_f32();
    const double recorded = noise(name);
    // Where no noise is recorded: 1e-5 of the largest value, some 80 roundings.
    double largest = 0, square = 0;
    for (const float v : expected) largest = std::max(largest, std::abs(double{v})), square += double{v} * v;
    check.rms = std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, expected.size())));
    check.bound =
        std::isnan(recorded) ? 1e-5 * largest : options_.noise_factor * options_.roundoff * recorded;
    if (bound_floor > check.bound) check.bound = bound_floor, check.note = note;
    const Values ours = take_slice(full, metadata_or("slice:" + name, ""), name);
    if (ours.data.size() != expected.size()) {
      check.note = fmt::format("shape {} expected, {} computed", golden.shape.str(), ours.shape.str());
      return record(check);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = std::abs(double{ours.data[i]} - expected[i]);
      check.max_error = std::isnan(error) ? INFINITY : std::max(check.max_error, error);
    }
    check.passed = check.max_error <= check.bound;
    record(check);
  }

  void compare_bytes(const std::string& name, const Image& ours) {
    if (!file_->contains(name)) return;
    const HostArray golden = file_->load(name);
    TensorCheck check;
    check.name = name;
    check.values = golden.elements();
    check.note = "exact";
    const auto* expected = reinterpret_cast<const std::uint8_t*>(golden.data.get());
    if (golden.dtype != DType::kU8 || golden.shape != Shape{ours.height, ours.width, 3}) {
      check.note = fmt::format("{} {} expected, u8 [{}, {}, 3] computed", dtype_name(golden.dtype),
                               golden.shape.str(), ours.height, ours.width);
      return record(check);
    }
    for (std::size_t i = 0; i < ours.rgb.size(); ++i)
      check.max_error = std::max<double>(check.max_error, std::abs(int{ours.rgb[i]} - int{expected[i]}));
    check.passed = check.max_error == 0;
    record(check);
  }

  void image() {
    const HostArray raw = file_->load("image_raw");
    const auto is_side = [](std::int64_t length) { return length >= 1 && length <= kLongestSide; };
    require(raw.dtype == DType::kU8 && raw.shape.rank() == 3 && raw.shape[2] == 3 && is_side(raw.shape[0]) &&
                is_side(raw.shape[1]),
            "image_raw is {} {}; expected u8 [H, W, 3] of 1 to {} pixels a side", dtype_name(raw.dtype),
            raw.shape.str(), kLongestSide);
    Image picture(static_cast<int>(raw.shape[0]), static_cast<int>(raw.shape[1]));
    std::copy_n(reinterpret_cast<const std::uint8_t*>(raw.data.get()), picture.rgb.size(),
                picture.rgb.begin());
    record({"image_raw", raw.elements(), 0, 0, 0, "input", true});
    height_ = picture.height, width_ = picture.width;
    const int short_side = metadata_length("min_size_test"), long_side = metadata_length("max_size_test");
    const Size size = resize_shortest_edge({height_, width_}, short_side, long_side);
    const auto tokens = [&](std::int64_t patch, double scale) {
      return static_cast<std::uint64_t>(static_cast<double>(size.height) * size.width * scale * scale /
                                        static_cast<double>(patch * patch));
    };
    ReaderLimit(kMaxTokens)
        .check(std::max(tokens(config_.patch, 1), tokens(config_.clip.patch, config_.clip_scale)),
               fmt::format("min_size_test {} and max_size_test {} make a picture of {}x{}", short_side,
                           long_side, size.height, size.width),
               "tokens");
    const Image resized = resize(picture, size.height, size.width, ResizeFilter::kBilinear, &pool_);
    compare_bytes("image_resized", resized);
    const Size demo = resize_shortest_edge({height_, width_}, short_side, long_side, SizeRule::kDemo);
    compare_bytes("image_resized_predict",
                  resize(picture, demo.height, demo.width, ResizeFilter::kBicubic, &pool_));
    input_ = preprocess(resized, 32, &pool_);
  }

  void text() {
    const auto names = metadata_list("vocabulary", kMaxClasses),
               templates = metadata_list("templates", ReaderLimit(kMaxTemplates).value());
    const std::int64_t classes = static_cast<std::int64_t>(names.size()), context = config_.clip.context;
    const HostArray recorded_ids = file_->load("text_token_ids");
    require(recorded_ids.shape == Shape{static_cast<std::int64_t>(templates.size()), classes, context},
            "text_token_ids is {}; expected [{}, {}, {}]: templates, classes, context",
            recorded_ids.shape.str(), templates.size(), classes, context);
    const std::int64_t pixels = std::int64_t{height_} * width_;
    ReaderLimit(kMaxValues)
        .check(static_cast<std::uint64_t>(std::max<std::int64_t>(classes, config_.queries) * pixels),
               fmt::format("{} classes and {} queries for a picture of {}x{}", classes, config_.queries,
                           height_, width_),
               "values");
    const std::vector<std::int64_t> golden_ids = recorded_ids.to_i64();
    require(std::ranges::all_of(golden_ids,
                                [&](std::int64_t id) { return id >= 0 && id < config_.clip.vocabulary; }),
            "text_token_ids has ids outside 0 to {}", config_.clip.vocabulary - 1);
    std::vector<std::vector<std::int32_t>> prompts(templates.size() * names.size());
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const auto* row = golden_ids.data() + static_cast<std::int64_t>(p) * context;
      const auto end = std::max_element(row, row + context);  // the end token has the highest number
      prompts[p].assign(row, end + 1);
    }
    TensorCheck ids{"text_token_ids",
                    static_cast<std::int64_t>(golden_ids.size()),
                    0,
                    0,
                    0,
                    "not checked: no --bpe file given",
                    true};
    if (!options_.bpe.empty()) {
      const BpeTokenizer tokenizer(load_bpe_merges(options_.bpe), static_cast<int>(context));
      ids.note = "exact";
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        const PromptTemplates one = make_templates("golden", {templates[p / names.size()]});
        const auto own = tokenizer.encode(one.fill(0, names[p % names.size()]));
        if (!std::equal(own.begin(), own.end(), prompts[p].begin(), prompts[p].end()))
          ids.passed = false, ids.max_error += 1;
      }
    }
    record(ids);

    const std::int64_t d = config_.clip.embed_dim;
    const std::vector<std::vector<float>> forms = network_->embed(prompts);
    for (const std::vector<float>& form : forms)
      compare("text_embed_per_template", {{static_cast<std::int64_t>(templates.size()), classes, d}, form});
    Values mean{{classes, d}, std::vector<float>(static_cast<std::size_t>(classes * d))};
    for (std::size_t i = 0; i < forms[0].size(); ++i)
      mean.data[i % mean.data.size()] += forms[0][i] / static_cast<float>(templates.size());
    for (auto row = mean.data.begin(); row != mean.data.end(); row += d) {
      double square = 0;
      for (auto v = row; v != row + d; ++v) square += double{*v} * *v;
      for (auto v = row; v != row + d; ++v) *v = static_cast<float>(*v / std::sqrt(square));
    }
    compare("text_embed", mean);
    text_ = mean;
  }

  void network() {
    grid_ = {input_.height, input_.width};
    const auto wanted = [&](std::string_view name) {
      const std::string n(name);
      if (n == "mask_logits") return false;  // among the results
      return file_->contains(n) || file_->contains(n + "_cls_token") ||
             (n == "classifier" && file_->contains("ov_classifier_weight"));
    };
    network_->run(
        input_, text_, wanted,
        [&](const std::string& name, const Values& value) { tapped(name, value, config_); },
        [&](const Values& logits, const Values& masks) {
          compare("mask_logits", {{logits.shape[1], logits.shape[2]}, logits.data});
          head(logits, masks);
        });
  }

  static Values batch_first_grid(const Values& tokens, Grid grid) {  // [1, h·w, C] → [1, C, h, w]
    Values x = transpose(tokens, {0, 2, 1});
    x.shape = {x.shape[0], x.shape[1], grid.height, grid.width};
    return x;
  }

  void tapped(const std::string& name, const Values& value, const SanConfig& c) {
    const Grid clip{static_cast<std::int64_t>(std::floor(static_cast<double>(grid_.height) * c.clip_scale)),
                    static_cast<std::int64_t>(std::floor(static_cast<double>(grid_.width) * c.clip_scale))};
    const Grid clip_grid{clip.height / c.clip.patch, clip.width / c.clip.patch};
    const Grid side_grid{grid_.height / c.patch, grid_.width / c.patch};
    Values x = value;
    if (name == "classifier") {
      compare(name, x);
      const float logit_scale = parameters_.load("ov_classifier.logit_scale").to_f32().at(0);
      for (float& v : x.data) v *= std::exp(logit_scale);
      return compare("ov_classifier_weight", x);
    }
    if (name.starts_with("clip_feat_")) {
      const std::int64_t d = x.shape[2];
      const std::vector<float> first(x.data.begin(), x.data.begin() + d);
      compare(name + "_cls_token", {{1, 1, d}, first});
      const Values patches{{1, x.shape[1] - 1, d}, std::vector<float>(x.data.begin() + d, x.data.end())};
      return compare(name, batch_first_grid(patches, clip_grid));
    }
    if (name == "input_padded") return compare(name, batch_first_grid(x, grid_));
    if (name == "clip_input") return compare(name, batch_first_grid(x, clip));
    if (name == "decoder_pix_mlp_out" || name == "decoder_attn_mlp_out")
      return compare(name, batch_first_grid(x, side_grid));
    if (name == "clip_pos_embed") x.shape = {x.shape[1], x.shape[2]};
    if (name == "mask_preds") x.shape = {1, x.shape[1], side_grid.height, side_grid.width};
    if (name == "attn_bias") x.shape = {1, x.shape[1], x.shape[2], side_grid.height, side_grid.width};
    if (name == "rec_attn_bias" || name == "rec_attn_mask") x.shape = {x.shape[1], x.shape[2], x.shape[3]};
    if (name.starts_with("rec_block_")) x = transpose(x, {1, 0, 2});  // [Q + 1 + L, 1, C]
    compare(name, x);
  }

  void head(const Values& logits, const Values& masks);

  std::shared_ptr<SafetensorsFile> file_;
  VerifyOptions options_;
  ThreadPool pool_;
  SanConfig config_;
  FormulaSource formula_;
  GoldenParameters parameters_;
  std::unique_ptr<GoldenNetwork> network_;
  int height_ = 0, width_ = 0;
  Preprocessed input_;
  Grid grid_;
  Values text_;
  std::map<std::string, TensorCheck> checks_;
};

void Run::head(const Values& logits, const Values& masks) {
  HeadView view;
  view.class_logits = logits.data;
  view.mask_logits = masks.data;
  view.queries = static_cast<int>(logits.shape[1]);
  view.grid_height = static_cast<int>(grid_.height / config_.patch);
  view.grid_width = static_cast<int>(grid_.width / config_.patch);
  view.padded_height = input_.height, view.padded_width = input_.width;
  view.content_height = input_.content_height, view.content_width = input_.content_width;
  const int classes = static_cast<int>(logits.shape[2]) - 1;
  HeadOptions options;
  options.classes = classes;
  SegmentationHead head(pool_);
  const std::span<const HeadView> views(&view, 1);

  compare("mask_preds_orig", {{view.queries, height_, width_}, resized_mask_logits(view, height_, width_)});
  std::vector<int> all(static_cast<std::size_t>(classes));
  for (int k = 0; k < classes; ++k) all[static_cast<std::size_t>(k)] = k;
  const Values scores{{classes, height_, width_}, head.class_scores(views, height_, width_, options, all)};
  compare("sem_seg", scores);

  const auto pixels = static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  Values margin{{height_, width_}, std::vector<float>(pixels)};
  for (std::size_t i = 0; i < pixels; ++i) {
    float best = -INFINITY, second = -INFINITY;
    for (std::size_t k = 0; k < static_cast<std::size_t>(classes); ++k) {
      const float s = scores.data[k * pixels + i];
      if (s > best)
        second = best, best = s;
      else
        second = std::max(second, s);
    }
    margin.data[i] = classes > 1 ? best - second : 1.0f;
  }
  compare("label_margin", margin);

  const LabelMap labels = head.run(views, height_, width_, options).labels;
  const std::vector<std::int64_t> expected = load_per_pixel("label_map").to_i64();
  const std::vector<float> recorded = load_per_pixel("label_margin").to_f32();
  const double score_noise = options_.roundoff * noise("sem_seg");
  std::size_t wrong = 0, excepted = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    if (labels.labels[i] == expected[i]) continue;
    (recorded[i] < score_noise ? excepted : wrong) += 1;
  }
  const double share = static_cast<double>(wrong) / static_cast<double>(pixels);
  record({"label_map", static_cast<std::int64_t>(pixels), share, 0, 1e-4,
          fmt::format("share of differing pixels; {} more are ties within the score noise", excepted),
          share <= 1e-4});
}

}  // namespace

bool GoldenReport::passed() const {
  return !checks.empty() && std::ranges::all_of(checks, [](const TensorCheck& c) { return c.passed; });
}

GoldenKind golden_kind(const std::filesystem::path& golden) {
  const auto file = SafetensorsFile::open(golden);
  if (file->contains("image_raw") && file->contains("label_map")) return GoldenKind::kInference;
  if (file->contains("loss_total")) return GoldenKind::kTraining;
  fail(
      "{}: not a golden file: neither image_raw and label_map (inference) nor loss_total (training) is in it",
      golden.string());
}

GoldenReport verify_inference(const std::filesystem::path& golden, const MakeGoldenNetwork& make,
                              const VerifyOptions& options) {
  try {
    return Run(golden, make, options).report();
  } catch (const json::exception& e) {
    fail("{}: metadata is not what a golden file has: {}", golden.string(), json_reason(e));
  } catch (const Error& e) {
    // Readers begin with the path, what is computed from the content cannot.
    const std::string_view message = e.what();
    if (message.starts_with(golden.string())) throw;
    fail("{}: {}", golden.string(), message);
  }
}

GoldenReport verify_inference(const std::filesystem::path& golden, Backend& backend,
                              const VerifyOptions& options) {
  return verify_inference(
      golden,
      [&](const SanConfig& config, const ParameterSource& parameters) {
        return make_own_network(backend, config, parameters);
      },
      options);
}

}  // namespace san
