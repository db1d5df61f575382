#include "serve/label_studio.h"

#include <algorithm>
#include <array>
#include <pugixml.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "serve/outputs.h"

namespace san::serve {
namespace {

constexpr const char* kBadConfig = "bad_label_config";
constexpr std::size_t kMostTasks = 64, kMostLabels = 1000;
constexpr int kValueBits = 8, kChannels = 4;
constexpr std::array<unsigned, 4> kLengthBits{3, 4, 8, 16};

class BitWriter {
 public:
  void write(std::uint64_t value, unsigned bits) {
    for (unsigned i = bits; i-- > 0;) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() |= static_cast<std::uint8_t>((value >> i & 1) << (7 - used_ % 8));
      ++used_;
    }
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t used_ = 0;
};

class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::uint64_t read(unsigned bits) {
    require(at_ + bits <= bytes_.size() * 8, "brush run lengths: they end too early");
    std::uint64_t value = 0;
    for (; bits > 0; --bits, ++at_) value = value << 1 | (bytes_[at_ / 8] >> (7 - at_ % 8) & 1u);
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

std::size_t pixels_of(int height, int width) {
  return static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
}

void write_run(BitWriter& out, std::uint64_t length, std::uint8_t value) {
  constexpr std::uint64_t kLongest = 1 << 16;
  while (length > 0) {
    const std::uint64_t part = std::min(length, kLongest);
    unsigned kind = 0;
    while (part > std::uint64_t{1} << kLengthBits[kind]) ++kind;
    out.write(1, 1);
    out.write(kind, 2);
    out.write(part - 1, kLengthBits[kind]);
    out.write(value, kValueBits);
    length -= part;
  }
}

struct FirstBrush final : pugi::xml_tree_walker {
  pugi::xml_node brush{};
  bool for_each(pugi::xml_node& node) override {
    if (node.name() == std::string_view("BrushLabels")) brush = node;
    return !brush;
  }
};

std::string picture_of(const Json& task, const std::string& key, std::size_t index) {
  const std::string where = fmt::format("tasks[{}].data", index);
  const auto data = task.is_object() ? task.find("data") : task.end();
  expect(task.is_object() && data != task.end() && data->is_object(), 422, "invalid_field", where,
         "{}: expected an object", where);
  const auto value = data->find(key);
  expect(value != data->end() && value->is_string(), 422, "invalid_field", where,
         "{}: the picture that the labelling interface names is not in it", where);
  return value->get<std::string>();
}

double mean_score(const Outcome& outcome, std::size_t label) {
  const Segmentation& r = outcome.result;
  double sum = 0;
  for (std::size_t p = 0; p < r.label_scores.size(); ++p)
    if (r.labels.labels[p] == label) sum += r.label_scores[p];
  return sum / static_cast<double>(std::max<std::int64_t>(1, r.areas[label]));
}

}  // namespace

std::vector<std::uint8_t> brush_rle(std::span<const std::uint8_t> mask, int height, int width) {
  require(height > 0 && width > 0 && mask.size() == pixels_of(height, width),
          "brush: {} values for {} × {} pixels", mask.size(), width, height);
  BitWriter out;
  out.write(mask.size() * kChannels, 32);
  out.write(kValueBits - 1, 5);
  for (const unsigned bits : kLengthBits) out.write(bits - 1, 4);
  for (std::size_t begin = 0; begin < mask.size();) {
    const bool set = mask[begin] != 0;
    std::size_t end = begin + 1;
    while (end < mask.size() && (mask[end] != 0) == set) ++end;
    write_run(out, (end - begin) * kChannels, set ? 255 : 0);
    begin = end;
  }
  return out.take();
}

std::vector<std::uint8_t> decode_brush_rle(std::span<const std::uint8_t> rle, int height, int width) {
  require(height > 0 && width > 0, "brush run lengths: {} × {} pixels", width, height);
  BitReader in(rle);
  const std::uint64_t count = in.read(32);
  require(count == pixels_of(height, width) * kChannels && in.read(5) + 1 == kValueBits,
          "brush run lengths: {} values for {} × {} pixels", count, width, height);
  std::array<unsigned, 4> bits{};
  for (unsigned& b : bits) b = static_cast<unsigned>(in.read(4)) + 1;
  std::vector<std::uint8_t> mask(pixels_of(height, width));
  for (std::uint64_t at = 0; at < count;) {
    const bool same = in.read(1) != 0;
    const std::uint64_t end = at + 1 + in.read(bits[in.read(2)]);
    require(end <= count, "brush run lengths: more than {} values", count);
    std::uint64_t value = same ? in.read(kValueBits) : 0;
    for (; at < end; ++at) {
      if (!same) value = in.read(kValueBits);
      if (at % kChannels == kChannels - 1) mask[at / kChannels] = value != 0 ? 1 : 0;
    }
  }
  return mask;
}

BrushConfig read_brush_config(std::string_view xml) {
  constexpr std::size_t kMostBytes = 1 << 20;
  expect(xml.size() <= kMostBytes, 422, kBadConfig, "label_config", "label_config: more than {} bytes",
         kMostBytes);
  pugi::xml_document document;
  expect(bool(document.load_buffer(xml.data(), xml.size())), 422, kBadConfig, "label_config",
         "label_config: no XML");
  FirstBrush walker;
  document.traverse(walker);
  expect(bool(walker.brush), 422, kBadConfig, "label_config",
         "label_config: expected <BrushLabels> with a <Label> for every class");
  BrushConfig config;
  config.from_name = walker.brush.attribute("name").value();
  config.to_name = walker.brush.attribute("toName").value();
  for (const pugi::xml_node label : walker.brush.children("Label")) {
    expect(config.values.size() < kMostLabels, 422, kBadConfig, "label_config",
           "label_config: more than {} labels", kMostLabels);
    config.values.emplace_back(label.attribute("value").value());
    const pugi::xml_attribute alias = label.attribute("alias");
    config.shown.emplace_back(alias ? alias.value() : label.attribute("value").value());
  }
  const pugi::xml_node image = document.find_node([&](const pugi::xml_node& node) {
    return node.name() == std::string_view("Image") && config.to_name == node.attribute("name").value();
  });
  const std::string value = image.attribute("value").value();
  expect(!config.from_name.empty() && !config.values.empty() && value.size() > 1 && value[0] == '$', 422,
         kBadConfig, "label_config",
         "label_config: expected <Image name=\"…\" value=\"$…\"> and <BrushLabels toName> of its name");
  config.data_key = value.substr(1);
  return config;
}

PredictRequest read_predict_request(std::string_view body) {
  const Json document = parse_json_object(body);
  const Fields fields(document);
  PredictRequest request;
  constexpr std::size_t kMostConfigBytes = 1 << 20;
  request.config = read_brush_config(fields.text("label_config", kMostConfigBytes));
  const auto tasks = document.find("tasks");
  expect(tasks != document.end() && tasks->is_array() && tasks->size() <= kMostTasks, 422, "invalid_field",
         "tasks", "tasks: expected a list of at most {}", kMostTasks);
  for (std::size_t i = 0; i < tasks->size(); ++i)
    request.pictures.push_back(picture_of((*tasks)[i], request.config.data_key, i));
  return request;
}

SegmentRequest predict_segment(const PredictRequest& request, const Limits& limits) {
  SegmentRequest r;
  Json words{{"classes", request.config.values}};
  r.words = read_words(Fields(words, "label_config"), limits);
  r.outputs = {Output::kScores};
  return r;
}

OrderedJson write_prediction(const BrushConfig& config, const Outcome& outcome,
                             const std::string& model_version) {
  const LabelMap& labels = outcome.result.labels;
  OrderedJson results = OrderedJson::array();
  double score = 0;
  for (std::size_t k = 0; k < outcome.result.classes().size(); ++k) {
    if (outcome.result.areas[k] == 0) continue;
    std::vector<std::uint8_t> mask(labels.labels.size());
    std::ranges::transform(labels.labels, mask.begin(), [&](Label l) { return l == k ? 1 : 0; });
    const double mean = mean_score(outcome, k);
    score += mean * static_cast<double>(outcome.result.areas[k]) / static_cast<double>(mask.size());
    const std::string id =
        fmt::format("{:016x}", fnv1a64(fmt::format("{} {}", outcome.sha256, k))).substr(0, 10);
    results.push_back({{"id", id},
                       {"from_name", config.from_name},
                       {"to_name", config.to_name},
                       {"type", "brushlabels"},
                       {"origin", "prediction"},
                       {"original_width", labels.width},
                       {"original_height", labels.height},
                       {"image_rotation", 0},
                       {"score", mean},
                       {"value",
                        {{"format", "rle"},
                         {"rle", brush_rle(mask, labels.height, labels.width)},
                         {"brushlabels", {config.shown[k]}}}}});
  }
  return {{"result", results}, {"score", score}, {"model_version", model_version}};
}

}  // namespace san::serve
