#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/input_file.h"
#include "image/codec/decode.h"
#include "image/opencv_resize.h"
#include "image/resize.h"
#include "prepare/raw_source.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;
constexpr std::size_t kListLimitBytes = std::size_t{64} << 20;

/// "train" is "training" in ADE20K.
std::string ade_folder(const std::string& split) {
  return split == "train" ? "training" : "validation";
}

/// Candidate paths with every {} replaced.
Strings fill(const Strings& patterns, const std::string& value) {
  Strings out;
  for (const auto& pattern : patterns) out.push_back(fmt::format(fmt::runtime(pattern), value));
  return out;
}

/// Adds one sample per label PNG of a folder, with the picture of the same stem from `images` when that is
/// known.
void add_folder(RawSource& out, const std::string& split, const fs::path& labels,
                const std::optional<fs::path>& images) {
  for (const auto& label : list_files(labels, {"png"}, &out.problems)) {
    const fs::path image = images ? *images / (label.stem().string() + ".jpg") : fs::path();
    out.samples.push_back({split, label.stem().string(), file_exists(image) ? image : fs::path(), label,
                           [label](const DecodeOptions& decode) {
                             return RawContent{decode_labels(label, decode), {}};
                           }});
  }
}

/// Label and image folders per split, both from candidate patterns in which {} is the split's folder name.
void add_split_folders(RawSource& out, const fs::path& source, const Strings& splits,
                       const Strings& label_patterns, const Strings& image_patterns,
                       const std::function<std::string(const std::string&)>& folder) {
  Strings looked;
  for (const auto& split : splits) {
    const Strings candidates = fill(label_patterns, folder(split));
    looked.insert(looked.end(), candidates.begin(), candidates.end());
    const auto labels = find_raw(source, candidates);
    if (!labels) {
      out.notes.push_back(fmt::format("{}: no raw labels, left out", split));
      continue;
    }
    add_folder(out, split, *labels, find_raw(source, fill(image_patterns, folder(split))));
  }
  require(!out.samples.empty(), "{}: no raw labels found; looked for: {}", source.string(),
          fmt::join(looked, ", "));
}

/// Image names from a list file: plain ids, or lines of paths ("/JPEGImages/x.jpg
/// /SegmentationClassAug/x.png").
Strings read_id_list(const fs::path& file) {
  Strings ids;
  std::set<std::string> seen;
  std::istringstream lines(read_text_file(file, kListLimitBytes));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    ++number;
    if (!(words >> word)) continue;
    const std::string where = fmt::format("{}: line {}", file.string(), number);
    const fs::path path(word);
    require(std::find(path.begin(), path.end(), "..") == path.end(),
            "{}: expected a picture's name, or a path below the data, got one with '..'", where);
    std::string id = path.stem().string();
    check_stem(id, where);
    if (seen.insert(id).second) ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace

void check_stem(const std::string& stem, const std::string& where) {
  constexpr std::size_t kMaxBytes = 200;
  const bool plain =
      std::ranges::none_of(stem, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/'; });
  require(
      !stem.empty() && stem.size() <= kMaxBytes && stem != "." && stem != ".." && plain,
      "{}: expected the name of a picture (1 to {} bytes, no folders, no control characters), got {} bytes{}",
      where, kMaxBytes, stem.size(), plain ? " '" + stem.substr(0, 40) + "'" : "");
}

std::optional<fs::path> find_raw(const fs::path& source, const Strings& candidates) {
  for (const auto& candidate : candidates)
    if (file_exists(source / candidate)) return source / candidate;
  return {};
}

RawSource list_coco_stuff(const fs::path& source, const Strings& splits) {
  RawSource out;
  out.drop_unlabelled = true;
  // 255 is unlabelled; the 11 ids that COCO never used do not occur.
  out.expected_ignored = [](int value) { return value == 255; };
  add_split_folders(out, source, splits,
                    {"stuffthingmaps_trainval2017/{}", "stuffthingmaps/{}",
                     "coco/stuffthingmaps_trainval2017/{}", "coco/stuffthingmaps/{}", "annotations/{}"},
                    {"images/{}", "coco/images/{}", "coco/{}", "{}"},
                    [](const std::string& split) { return split + "2017"; });
  return out;
}

RawSource list_ade_150(const fs::path& source, const Strings& splits) {
  RawSource out;
  out.expected_ignored = [](int value) { return value == 0; };
  add_split_folders(out, source, splits, {"ADEChallengeData2016/annotations/{}", "annotations/{}"},
                    {"ADEChallengeData2016/images/{}", "images/{}"}, ade_folder);
  return out;
}

RawSource list_voc(const fs::path& source, const Strings& splits) {
  RawSource out;
  out.drop_unlabelled = true;
  out.expected_ignored = [](int value) { return value == 0 || value == 255; };
  const Strings roots{"VOCdevkit/VOC2012/", "VOC2012/", ""};
  const auto find = [&](const Strings& names) {
    Strings candidates;
    for (const auto& name : names)
      for (const auto& root : roots) candidates.push_back(root + name);
    return find_raw(source, candidates);
  };
  auto labels = find({"SegmentationClassAug"});
  if (!labels) {
    labels = find({"SegmentationClass"});
    if (labels) out.notes.push_back("no SegmentationClassAug (SBD): VOC's own SegmentationClass is used");
  }
  require(
      labels.has_value(),
      "{}: no raw labels found; looked for SegmentationClassAug and SegmentationClass, also in VOC2012 and "
      "VOCdevkit/VOC2012",
      source.string());
  const auto images = find({"JPEGImages"});
  for (const auto& split : splits) {
    const Strings names =
        split == "train" ? Strings{"trainaug.txt", "train_aug.txt", "train.txt"} : Strings{"val.txt"};
    Strings lists;
    for (const auto& name : names)
      for (const char* folder : {"", "ImageSets/Segmentation/", "ImageSets/SegmentationAug/"})
        lists.push_back(folder + name);
    const auto list = find(lists);
    if (!list) {
      out.notes.push_back(fmt::format("{}: no list ({}), left out", split, fmt::join(names, ", ")));
      continue;
    }
    out.notes.push_back(fmt::format("{}: images of {}", split, list->string()));
    for (const auto& id : read_id_list(*list)) {
      const fs::path label = *labels / (id + ".png"), image = images ? *images / (id + ".jpg") : fs::path();
      out.samples.push_back(
          {split, id, file_exists(image) ? image : fs::path(), label, [label](const DecodeOptions& decode) {
             return RawContent{decode_labels(label, decode), {}};
           }});
    }
  }
  require(!out.samples.empty(), "{}: no list of images found; looked for trainaug.txt, train.txt and val.txt",
          source.string());
  return out;
}

namespace {

RawContent read_ade_full(const fs::path& image_file, const fs::path& label_file,
                         const DecodeOptions& decode) {
  Image picture = decode_image(image_file, decode);
  const Image coded = decode_image(label_file, decode);
  require(picture.height == coded.height && picture.width == coded.width,
          "{}: {}x{} pixels, its picture has {}x{}", label_file.string(), coded.width, coded.height,
          picture.width, picture.height);
  RawContent out;
  out.ids = LabelMap(coded.height, coded.width);
  for (std::size_t i = 0; i < out.ids.labels.size(); ++i)
    out.ids.labels[i] = static_cast<Label>(coded.rgb[3 * i] / 10 * 256 + coded.rgb[3 * i + 1]);
  constexpr int kShortSide = 512;
  if (const int shorter = std::min(picture.height, picture.width); shorter > kShortSide) {
    // Python's round(): halves to even, as nearbyint.
    const auto scaled = [&](int length) {
      return static_cast<int>(std::nearbyint(length / static_cast<double>(shorter) * kShortSide));
    };
    picture = resize_as_opencv(picture, scaled(picture.height), scaled(picture.width));
    out.ids = resize_nearest(out.ids, picture.height, picture.width, NearestRule::kOpenCv);
  }
  out.picture = std::move(picture);
  return out;
}

}  // namespace

RawSource list_ade_full(const fs::path& source, const Strings& splits) {
  RawSource out;
  // The full set names about 3,000 objects, of which the benchmark takes 847.
  out.expected_ignored = [](int) { return true; };
  out.reencodes_pictures = true;
  const auto root = find_raw(source, {"ADE20K_2021_17_01/images", "images", "."});
  require(root.has_value(), "{}: no such folder", source.string());
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(*root, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path& image = it->path();
    const std::string stem = image.stem().string();
    if (image.extension() != ".jpg" || !stem.starts_with("ADE_")) continue;
    const std::string split = stem.starts_with("ADE_val_") ? "val" : "train";
    if (std::ranges::find(splits, split) == splits.end()) continue;
    const fs::path label = image.parent_path() / (stem + "_seg.png");
    out.samples.push_back({split, stem, image, label, [image, label](const DecodeOptions& decode) {
                             return read_ade_full(image, label, decode);
                           }});
  }
  require(!error, "{}: cannot list the folder: {}", root->string(), error.message());
  require(!out.samples.empty(), "{}: no ADE_*.jpg below it; expected the unpacked ADE20K_2021_17_01",
          root->string());
  std::ranges::sort(out.samples, {}, &RawSample::stem);
  return out;
}

}  // namespace san
