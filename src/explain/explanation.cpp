#include "explain/explanation.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"

namespace san {
namespace {

constexpr std::int64_t kMostPatches = 16384;

/// Values that pass by a session's backend, by name, while it lives.
class Recording {
 public:
  explicit Recording(Backend& backend) : backend_(backend) {
    backend_.on_tap([this](std::string_view name, const Tensor& value) {
      if (name == "clip_pos_embed")
        require(value[1] <= kMostPatches,
                "explain: CLIP would see {} patches, and all that is shown of them would have to be kept; at "
                "most {}: "
                "use a smaller short side",
                value[1] - 1, kMostPatches);
      if (wanted(name)) values_[std::string(name)] = {value.shape(), backend_.to_host(value)};
    });
  }
  ~Recording() { backend_.on_tap({}); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  struct Value {
    Shape shape;
    std::vector<float> data;
  };
  bool has(const std::string& name) const { return values_.contains(name); }
  const Value& operator[](const std::string& name) const {
    const auto found = values_.find(name);
    require(found != values_.end(), "explain: the network did not offer \"{}\"", name);
    return found->second;
  }

 private:
  static bool wanted(std::string_view name) {
    for (const char* prefix : {"clip_feat_", "rec_attn_bias", "rec_sls_", "rec_patch_key_"})
      if (name.starts_with(prefix)) return true;
    return false;
  }

  Backend& backend_;
  std::map<std::string, Value> values_;
};

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Rows of `count` vectors less their mean.
std::vector<Vector> centred(std::span<const float> vectors, std::size_t channels) {
  const std::size_t count = vectors.size() / channels;
  Vector mean(channels);
  for (std::size_t i = 0; i < vectors.size(); ++i)
    mean[i % channels] += vectors[i] / static_cast<double>(count);
  std::vector<Vector> rows(count, Vector(channels));
  for (std::size_t i = 0; i < vectors.size(); ++i)
    rows[i / channels][i % channels] = vectors[i] - mean[i % channels];
  return rows;
}

/// The direction in which the rows differ most, by power iteration from the longest of them; empty when they
/// do not differ.
Vector main_direction(const std::vector<Vector>& rows) {
  constexpr int kSteps = 30;
  Vector direction = *std::ranges::max_element(rows, {}, [](const Vector& r) { return dot(r, r); });
  for (int step = 0; step < kSteps; ++step) {
    const double length = std::sqrt(dot(direction, direction));
    if (length < 1e-12) return {};
    for (double& v : direction) v /= length;
    if (step + 1 == kSteps) break;
    Vector next(direction.size());
    for (const Vector& row : rows) {
      const double along = dot(row, direction);
      for (std::size_t i = 0; i < next.size(); ++i) next[i] += along * row[i];
    }
    direction = std::move(next);
  }
  return direction;
}

}  // namespace

std::vector<std::uint8_t> principal_colors(std::span<const float> vectors, std::int64_t channels,
                                           float& share) {
  const auto width = static_cast<std::size_t>(channels);
  std::vector<Vector> rows = centred(vectors, width);
  const auto variance = [&] {
    double sum = 0;
    for (const Vector& row : rows) sum += dot(row, row);
    return sum;
  };
  const double all = variance();
  std::vector<std::uint8_t> rgb(rows.size() * 3, 128);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const Vector direction = main_direction(rows);
    if (direction.empty()) break;
    Vector along(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      along[i] = dot(rows[i], direction);
      for (std::size_t c = 0; c < width; ++c) rows[i][c] -= along[i] * direction[c];
    }
    const auto [low, high] = std::ranges::minmax(along);
    for (std::size_t i = 0; i < rows.size() && high > low; ++i)
      rgb[3 * i + channel] = static_cast<std::uint8_t>(std::lround(255 * (along[i] - low) / (high - low)));
  }
  share = all > 0 ? static_cast<float>(1 - variance() / all) : 1.0f;
  return rgb;
}

SlsAttention sls_attention(std::span<const float> queries, std::span<const float> own,
                           std::span<const float> keys, std::span<const float> bias, std::int64_t width,
                           int heads) {
  const auto d = static_cast<std::size_t>(width), h = static_cast<std::size_t>(heads), part = d / h;
  const std::size_t count = queries.size() / d, patches = keys.size() / d;
  const bool shared = bias.size() == count * patches;
  const double scale = 1 / std::sqrt(static_cast<double>(part));
  SlsAttention result;
  result.patches.resize(count * patches);
  result.own.resize(count);
  Vector scores(patches + 1);
  for (std::size_t q = 0; q < count; ++q)
    for (std::size_t head = 0; head < h; ++head) {
      const float* asked = queries.data() + q * d + head * part;
      const auto score = [&](std::span<const float> rows, std::size_t row) {
        double sum = 0;
        for (std::size_t c = 0; c < part; ++c) sum += double{asked[c]} * rows[row * d + head * part + c];
        return sum * scale;
      };
      for (std::size_t l = 0; l < patches; ++l)
        scores[l] = score(keys, l) + bias[((shared ? 0 : head) * count + q) * patches + l];
      scores[patches] = score(own, q);
      const double most = *std::ranges::max_element(scores);
      double sum = 0;
      for (double& s : scores) sum += s = std::exp(s - most);
      for (std::size_t l = 0; l < patches; ++l)
        result.patches[q * patches + l] += static_cast<float>(scores[l] / sum / heads);
      result.own[q] += static_cast<float>(scores[patches] / sum / heads);
    }
  return result;
}

Explanation explain(Session& session, const Image& picture,
                    const std::shared_ptr<const TextEmbeddings>& vocabulary, const SegmentOptions& options) {
  const Engine& engine = session.engine();
  require(engine.method_info().name == "san",
          "explain: method {} asks CLIP no queries; this is for --method san", engine.method_info().name);
  require(!session.backend().literal(),
          "explain: backend {} runs the definition, in which SLS tokens do not ask "
          "on their own; use another",
          session.backend().name());
  require_possible(engine.method_info(), options.background, true);
  const SanConfig config = san_config(engine.model(), "explain");
  Explanation e;
  std::shared_ptr<const Features> features;
  const Recording seen(session.backend());
  features = session.look(picture, options.look);
  const Logits logits = session.name(features, vocabulary);
  const HeadView& view = logits.view;

  e.height = picture.height, e.width = picture.width;
  e.input = {view.padded_height, view.padded_width};
  e.content = {view.content_height, view.content_width};
  const auto scaled = [&](int n) { return static_cast<int>(std::floor(n * config.clip_scale)); };
  e.clip_input = {scaled(e.input.height), scaled(e.input.width)};
  e.clip_grid = {e.clip_input.height / config.clip.patch, e.clip_input.width / config.clip.patch};
  e.mask_grid = {view.grid_height, view.grid_width};
  e.queries = view.queries;
  e.heads = config.clip.heads;
  e.classes = vocabulary->classes;
  e.other = options.background == Background::kOther;

  for (int layer = 0; seen.has(fmt::format("clip_feat_{}", layer)); ++layer) {
    const auto& [shape, tokens] = seen[fmt::format("clip_feat_{}", layer)];  // [1, 1 + L, d]
    FeatureColors colors;
    colors.layer = layer;
    colors.rgb = principal_colors(std::span(tokens).subspan(static_cast<std::size_t>(shape[2])), shape[2],
                                  colors.share);
    e.features.push_back(std::move(colors));
  }
  e.masks.assign(view.mask_logits.begin(), view.mask_logits.end());
  const auto& [bias_shape, bias] = seen["rec_attn_bias"];  // [1, groups, Q, L]
  const auto one_set = static_cast<std::size_t>(std::min<std::int64_t>(bias_shape[1], e.heads) *
                                                bias_shape[2] * bias_shape[3]);
  e.bias.assign(bias.begin(), bias.begin() + static_cast<std::ptrdiff_t>(one_set));
  if (bias_shape[1] == 1)
    for (int head = 1; head < e.heads; ++head)
      e.bias.insert(e.bias.end(), bias.begin(), bias.begin() + static_cast<std::ptrdiff_t>(one_set));
  for (int i = 0; seen.has(fmt::format("rec_sls_query_{}", i)); ++i) {
    const std::size_t set = config.bias_layers == 1 ? 0 : static_cast<std::size_t>(i);
    SlsAttention block = sls_attention(
        seen[fmt::format("rec_sls_query_{}", i)].data, seen[fmt::format("rec_sls_key_{}", i)].data,
        seen[fmt::format("rec_patch_key_{}", i)].data, std::span(bias).subspan(set * one_set, one_set),
        config.clip.width, e.heads);
    block.block = config.recognition_start() + i;
    e.attention.push_back(std::move(block));
  }

  SegmentOptions with_scores = options;
  with_scores.label_scores = true;
  const std::vector<int> row_class = vocabulary->row_classes();
  HeadOptions head = head_options(*vocabulary, row_class, with_scores);
  head.distractors = 0;  // they are shown as the classes that they are
  e.probabilities = class_probabilities(view.class_logits, view.queries, head, session.pool());
  e.result = session.segmentation_head().run({&view, 1}, picture.height, picture.width, head);
  return e;
}

}  // namespace san
