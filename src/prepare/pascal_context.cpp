#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/input_file.h"
#include "base/reader_limit.h"
#include "image/codec/decode.h"
#include "prepare/mat_file.h"
#include "prepare/raw_source.h"
#include "san/masks.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

constexpr int kMaxRecordValues = 1000;
constexpr std::uint64_t kFileLimitBytes = std::uint64_t{4} << 30;

/// One mask of trainval_merged.json: COCO run lengths, compressed.
struct MergedMask {
  int category = 0, height = 0, width = 0;
  std::string counts;
};

struct MergedImage {
  std::string file_name, phase;
  int height = 0, width = 0;
  std::vector<MergedMask> masks;  ///< in file order: a later one is painted over an earlier
};

/// The part of the Detail API's trainval_merged.json that semantic labels need:
///   images: [{image_id, file_name, phase, height, width}]
///   annos_segmentation: [{image_id, category_id, segmentation: {size: [h, w], counts: "..."}}]
/// The rest (parts, boxes, key points) is dropped while parsing, object by object.
std::vector<MergedImage> read_merged(const fs::path& path) {
  std::vector<MergedImage> images;
  std::unordered_map<std::int64_t, std::size_t> index;
  std::vector<std::pair<std::int64_t, MergedMask>> masks;
  std::string section;
  const auto number = [&](const json& value) {
    return static_cast<int>(json_integer(value, 0, INT32_MAX, path.string()));
  };
  const auto take = [&](const json& entry) {
    const auto id = entry.at("image_id").get<std::int64_t>();
    if (section == "images") {
      require(index.emplace(id, images.size()).second, "{}: image_id {} occurs twice", path.string(), id);
      images.push_back({entry.at("file_name"),
                        entry.at("phase"),
                        number(entry.at("height")),
                        number(entry.at("width")),
                        {}});
      check_stem(fs::path(images.back().file_name).stem().string(), path.string());
    } else {
      const json& mask = entry.at("segmentation");
      masks.emplace_back(id, MergedMask{number(entry.at("category_id")), number(mask.at("size").at(0)),
                                        number(mask.at("size").at(1)), mask.at("counts").get<std::string>()});
    }
  };
  int values = 0;
  const ReaderLimit values_limit(kMaxRecordValues);
  const auto filter = [&](int depth, json::parse_event_t event, json& value) {
    if (depth == 1 && event == json::parse_event_t::key) {
      section = value.get<std::string>();
      return section == "images" || section == "annos_segmentation";
    }
    // After every object the parser looks through the one around it: many in one record would be slow.
    if (depth <= 2 && event == json::parse_event_t::object_start) values = 0;
    const bool kept = section == "images" || section == "annos_segmentation";
    if (kept) values_limit.check(static_cast<std::uint64_t>(++values), path.string(), "values of one record");
    if (depth == 2 && event == json::parse_event_t::object_end && !value.is_discarded()) {
      take(value);
      return false;
    }
    return true;
  };
  const OwnedBytes file = read_file(path, kFileLimitBytes);
  const auto* begin = reinterpret_cast<const char*>(file.bytes.data());
  try {
    [[maybe_unused]] const json rest = json::parse(begin, begin + file.bytes.size(), filter);
  } catch (const json::exception& error) {
    fail("{}: not the Detail API's trainval_merged.json: {}", path.string(), json_reason(error));
  }
  for (auto& [id, mask] : masks) {
    const auto found = index.find(id);
    require(found != index.end(), "{}: a mask of image {}, which is not listed", path.string(), id);
    images[found->second].masks.push_back(std::move(mask));
  }
  require(!images.empty(), "{}: no images listed", path.string());
  return images;
}

LabelMap paint(const MergedImage& image, std::int64_t max_pixels) {
  constexpr std::uint64_t kMaxCover = 64;
  require(image.height > 0 && image.width > 0 && image.height <= max_pixels / image.width,
          "{}x{} pixels in trainval_merged.json; expected 1 to {} in all (--max-pixels)", image.width,
          image.height, max_pixels);
  LabelMap out(image.height, image.width, 0);
  const ReaderLimit painted_limit(kMaxCover * out.labels.size());
  std::uint64_t painted = 0;
  for (const auto& mask : image.masks) {
    require(mask.category >= 0 && mask.category <= 65535, "category id {}; expected 0 to 65535",
            mask.category);
    const Rle rle{mask.height, mask.width, rle_counts_from_string(mask.counts)};
    painted += static_cast<std::uint64_t>(rle.area());
    painted_limit.check(painted, "masks that cover the picture again and again", "pixels");
    paint_rle(rle, static_cast<Label>(mask.category), out);
  }
  return out;
}

struct ContextSource {
  std::optional<fs::path> images;
  std::vector<MergedImage> merged;
};

const std::vector<std::string> kVocRoots{"VOCdevkit/VOC2010/", "VOC2010/", "pascal-context/", "pcontext/",
                                         ""};

std::vector<std::string> below_voc(const std::string& name) {
  std::vector<std::string> out;
  for (const auto& root : kVocRoots) out.push_back(root + name);
  return out;
}

ContextSource open_context(const fs::path& source) {
  const auto json_file = find_raw(source, below_voc("trainval_merged.json"));
  require(json_file.has_value(), "{}: no trainval_merged.json (the Detail API's annotation); looked for: {}",
          source.string(), fmt::join(below_voc("trainval_merged.json"), ", "));
  return {find_raw(source, below_voc("JPEGImages")), read_merged(*json_file)};
}

bool wanted(const MergedImage& image, const std::vector<std::string>& splits) {
  return std::ranges::find(splits, image.phase) != splits.end();
}

fs::path picture_of(const ContextSource& context, const MergedImage& image) {
  const fs::path path = context.images ? *context.images / fs::path(image.file_name).filename() : fs::path();
  return file_exists(path) ? path : fs::path();
}

}  // namespace

RawSource list_pascal_context_59(const fs::path& source, const std::vector<std::string>& splits) {
  RawSource out;
  out.expected_ignored = [](int value) { return value == 0; };
  ContextSource context = open_context(source);
  for (auto& image : context.merged) {
    if (!wanted(image, splits)) continue;
    RawSample sample{image.phase,
                     fs::path(image.file_name).stem().string(),
                     picture_of(context, image),
                     image.file_name,
                     {}};
    const auto shared = std::make_shared<const MergedImage>(std::move(image));
    sample.read = [shared](const DecodeOptions& o) { return RawContent{paint(*shared, o.max_pixels), {}}; };
    out.samples.push_back(std::move(sample));
  }
  return out;
}

RawSource list_pascal_context_459(const fs::path& source, const std::vector<std::string>& splits) {
  RawSource out;
  out.expected_ignored = [](int value) { return value == 0; };
  const ContextSource context = open_context(source);
  const auto folder = find_raw(source, {"trainval", "pascal-context/trainval", "VOCdevkit/VOC2010/trainval",
                                        "VOC2010/trainval", "SegmentationContext"});
  require(folder.has_value(),
          "{}: no folder 'trainval' of .mat files (PASCAL-Context's trainval.tar.gz, unpacked)",
          source.string());
  for (const auto& image : context.merged) {
    if (!wanted(image, splits)) continue;
    const std::string stem = fs::path(image.file_name).stem().string();
    const fs::path label = *folder / (stem + ".mat");
    out.samples.push_back(
        {image.phase, stem, picture_of(context, image), label, [label](const DecodeOptions& o) {
           return RawContent{read_mat_label_map(label, "LabelMap", o), {}};
         }});
  }
  return out;
}

}  // namespace san
