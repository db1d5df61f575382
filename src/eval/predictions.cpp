#include "eval/predictions.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/input_file.h"
#include "base/reader_limit.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"
#include "san/masks.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

constexpr std::uint64_t kPredictionLimitBytes = std::uint64_t{4} << 30;
// The masks of one image are disjoint as written by detectron2; what overlaps is painted this often at most.
constexpr std::uint64_t kMaxCover = 16;
constexpr int kMaxRecordValues = 1000;

class FolderPredictions final : public StoredPredictions {
 public:
  FolderPredictions(const fs::path& folder, int classes, const DecodeOptions& decode)
      : classes_(classes), decode_(decode) {
    for (auto& file : list_files(folder, {"png", "tif", "tiff"})) files_.emplace(file.stem().string(), file);
  }

  std::optional<LabelMap> find(const Sample& sample) const override {
    const auto found = files_.find(sample.stem);
    if (found == files_.end()) return {};
    LabelMap map = decode_labels(found->second, decode_);
    for (auto& label : map.labels)
      if (label >= static_cast<Label>(classes_)) label = kNoLabel;
    return map;
  }

 private:
  int classes_;
  DecodeOptions decode_;
  std::unordered_map<std::string, fs::path> files_;
};

class JsonPredictions final : public StoredPredictions {
 public:
  JsonPredictions(const fs::path& path, const DatasetSpec& spec, std::int64_t max_pixels)
      : path_(path), max_pixels_(max_pixels) {
    std::unordered_map<std::int64_t, Label> index;
    for (std::size_t c = 0; c < spec.category_ids.size(); ++c)
      index[spec.category_ids[c]] = static_cast<Label>(c);
    int values = 0;
    const ReaderLimit values_limit(kMaxRecordValues);
    // Records are taken one by one while parsing: the document as a whole would need many times its size.
    const auto take = [&](int depth, json::parse_event_t event, json& value) {
      if (depth == 0 && event != json::parse_event_t::array_start && event != json::parse_event_t::array_end)
        fail("{}: expected a list of predictions", path_.string());
      // After every object the parser looks through the one around it: many in one record would be slow.
      if (depth == 1 && event == json::parse_event_t::object_start) values = 0;
      values_limit.check(static_cast<std::uint64_t>(++values), path_.string(), "values of one prediction");
      if (depth != 1 || event != json::parse_event_t::object_end) return true;
      const std::string where = path_.string();
      const auto category = json_integer(value.at("category_id"), INT64_MIN, INT64_MAX, where);
      const auto found = index.find(category);
      require(found != index.end(), "{}: category_id {} is not of dataset {} (its ids run from {} to {})",
              path_.string(), category, spec.name, *std::ranges::min_element(spec.category_ids),
              *std::ranges::max_element(spec.category_ids));
      const json& mask = value.at("segmentation");
      masks_[fs::path(value.at("file_name").get<std::string>()).stem().string()].push_back(
          {found->second, static_cast<int>(json_integer(mask.at("size").at(0), 0, INT32_MAX, where)),
           static_cast<int>(json_integer(mask.at("size").at(1), 0, INT32_MAX, where)),
           mask.at("counts").get<std::string>()});
      return false;
    };
    const OwnedBytes file = read_file(path, kPredictionLimitBytes);
    const auto* begin = reinterpret_cast<const char*>(file.bytes.data());
    try {
      [[maybe_unused]] const json rest = json::parse(begin, begin + file.bytes.size(), take);
    } catch (const json::exception& error) {
      fail("{}: not a sem_seg_predictions.json: {}", path.string(), json_reason(error));
    }
  }

  std::optional<LabelMap> find(const Sample& sample) const override {
    const auto found = masks_.find(sample.stem);
    if (found == masks_.end()) return {};
    const auto& first = found->second.front();
    require(first.height > 0 && first.width > 0 && first.height <= max_pixels_ / first.width,
            "{}: {}: a mask of {}x{} pixels; expected 1 to {} in all (--max-pixels)", path_.string(),
            sample.stem, first.width, first.height, max_pixels_);
    LabelMap map(first.height, first.width, kNoLabel);
    const ReaderLimit painted_limit(kMaxCover * map.labels.size());
    std::uint64_t painted = 0;
    for (const auto& mask : found->second) {
      try {
        const Rle rle{mask.height, mask.width, rle_counts_from_string(mask.counts)};
        painted += static_cast<std::uint64_t>(rle.area());
        painted_limit.check(painted, "masks that cover the image again and again", "pixels");
        paint_rle(rle, mask.label, map);
      } catch (const Error& error) {
        fail("{}: {}: {}", path_.string(), sample.stem, error.what());
      }
    }
    return map;
  }

 private:
  struct Mask {
    Label label;
    int height, width;
    std::string counts;
  };
  fs::path path_;
  std::int64_t max_pixels_;
  std::unordered_map<std::string, std::vector<Mask>> masks_;
};

class JsonWriter final : public PredictionWriter {
 public:
  JsonWriter(const fs::path& path, const DatasetSpec& spec) : ids_(spec.category_ids), file_(path) {
    file_.write("[");
  }

  void add(std::size_t index, const Sample& sample, const LabelMap& labels) override {
    std::string records = encode(sample, labels);
    const std::lock_guard lock(mutex_);
    waiting_.emplace(index, std::move(records));
    for (auto it = waiting_.begin(); it != waiting_.end() && it->first == next_;
         it = waiting_.erase(it), ++next_) {
      if (it->second.empty()) continue;
      file_.write(first_ ? "\n" : ",\n");
      file_.write(it->second);
      first_ = false;
    }
  }

  void commit() override {
    require(waiting_.empty(), "predictions: sample {} was never given", next_);
    file_.write("\n]\n");
    file_.commit();
  }

 private:
  std::string encode(const Sample& sample, const LabelMap& labels) const {
    std::string out;
    for (const auto& [label, rle] : encode_rles(labels)) {
      if (label >= ids_.size()) continue;
      const json record{{"file_name", sample.image.string()},
                        {"category_id", ids_[label]},
                        {"segmentation",
                         {{"size", {rle.height, rle.width}}, {"counts", rle_counts_to_string(rle.counts)}}}};
      out += (out.empty() ? "" : ",\n") + record.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    return out;
  }

  std::vector<std::int64_t> ids_;
  AtomicFile file_;
  std::mutex mutex_;
  std::map<std::size_t, std::string> waiting_;
  std::size_t next_ = 0;
  bool first_ = true;
};

class FolderWriter final : public PredictionWriter {
 public:
  FolderWriter(fs::path folder, int classes)
      : folder_(std::move(folder)), none_(classes <= 255 ? 255 : kNoLabel16) {
    fs::create_directories(folder_);
  }

  void add(std::size_t, const Sample& sample, const LabelMap& labels) override {
    if (labels.labels.empty()) return;
    LabelMap stored = labels;
    std::ranges::replace(stored.labels, kNoLabel, none_);
    write_labels(folder_ / (sample.stem + ".png"), stored);
  }

  void commit() override {}

 private:
  fs::path folder_;
  Label none_;
};

}  // namespace

std::unique_ptr<StoredPredictions> open_predictions(const fs::path& path, const DatasetSpec& spec,
                                                    const DecodeOptions& decode) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const fs::path inside = path / "sem_seg_predictions.json";
    if (!list_files(path, {"png", "tif", "tiff"}).empty())
      return std::make_unique<FolderPredictions>(path, spec.class_count(), decode);
    require(file_exists(inside),
            "{}: neither label files (*.png, *.tif) nor a sem_seg_predictions.json in this folder",
            path.string());
    return std::make_unique<JsonPredictions>(inside, spec, decode.max_pixels);
  }
  return std::make_unique<JsonPredictions>(path, spec, decode.max_pixels);
}

std::unique_ptr<PredictionWriter> write_predictions_json(const fs::path& path, const DatasetSpec& spec) {
  return std::make_unique<JsonWriter>(path, spec);
}

std::unique_ptr<PredictionWriter> write_predictions_folder(const fs::path& folder, const DatasetSpec& spec) {
  return std::make_unique<FolderWriter>(folder, spec.class_count());
}

}  // namespace san
