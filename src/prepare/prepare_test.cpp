#include "prepare/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "eval/evaluator.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"
#include "san/masks.hpp"

// Miniature raw downloads in each official layout: prepared, then predictions with known mistakes evaluated
// against confusion matrices counted by hand.
namespace san {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Folders {
  fs::path raw, root, predictions;
};

Folders fresh_folders() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const fs::path base = fs::path(testing::TempDir()) / "san_prepare" / info->name();
  fs::remove_all(base);
  const Folders out{base / "raw", base / "root", base / "predictions"};
  for (const auto& folder : {out.raw, out.root, out.predictions}) fs::create_directories(folder);
  return out;
}

LabelMap map_of(int height, int width, std::vector<Label> labels) {
  LabelMap map(height, width);
  map.labels = std::move(labels);
  return map;
}

void put_labels(const fs::path& path, const LabelMap& map) {
  fs::create_directories(path.parent_path());
  write_labels(path, map);
}

void put_picture(const fs::path& path, int height, int width) {
  fs::create_directories(path.parent_path());
  Image image(height, width);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i * 7);
  write_jpeg(path, image);
}

void put_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, text);
}

PrepareSummary prepare(const std::string& dataset, const Folders& folders) {
  PrepareOptions options{.dataset = dataset, .source = folders.raw, .output = folders.root};
  options.quiet = true;
  return prepare_dataset(options);
}

Evaluation score(const std::string& dataset, const Folders& folders) {
  const Dataset data = open_dataset(load_dataset_spec(dataset), folders.root);
  const auto predictor = stored_predictor(folders.predictions, data.spec);
  EvaluationOptions options;
  options.quiet = true;
  return evaluate(data, *predictor, options);
}

using Cells = std::map<std::pair<int, int>, std::uint64_t>;

/// The cells that are not zero, as {{predicted, truth}, pixels}.
Cells cells(const ConfusionMatrix& m) {
  Cells out;
  for (int p = 0; p <= m.classes(); ++p)
    for (int t = 0; t <= m.classes(); ++t)
      if (m.at(p, t)) out[{p, t}] = m.at(p, t);
  return out;
}

TEST(Prepare, CocoStuff) {
  const Folders f = fresh_folders();
  const fs::path maps = f.raw / "stuffthingmaps_trainval2017";
  // Raw 0 person → 0; 181 wood → 170; 12 → 11 (11, "street sign", was never used); 255 unlabelled; 11
  // unexpected.
  put_labels(maps / "val2017" / "000000000001.png", map_of(2, 3, {0, 181, 12, 255, 11, 0}));
  put_labels(maps / "val2017" / "000000000002.png", map_of(1, 2, {255, 255}));
  put_labels(maps / "train2017" / "000000000009.png", map_of(1, 1, {91}));
  put_picture(f.raw / "val2017" / "000000000001.jpg", 2, 3);
  put_picture(f.raw / "val2017" / "000000000002.jpg", 1, 2);
  put_picture(f.raw / "train2017" / "000000000009.jpg", 1, 1);
  const PrepareSummary summary = prepare("coco-stuff-171", f);
  EXPECT_EQ(summary.splits.at("val").written, 1);
  EXPECT_EQ(summary.splits.at("val").unlabelled, 1);
  EXPECT_EQ(summary.splits.at("train").written, 1);
  EXPECT_EQ(summary.unexpected_values, (std::map<int, std::int64_t>{{11, 1}}));
  EXPECT_THAT(summary.text(), HasSubstr("unexpected label value 11 in 1 label files"));
  EXPECT_EQ(decode_labels(f.root / "coco/stuffthingmaps_detectron2/val2017/000000000001.png"),
            map_of(2, 3, {0, 170, 11, 255, 255, 0}));

  put_labels(f.predictions / "000000000001.png", map_of(2, 3, {0, 170, 0, 5, 5, 200}));
  const Evaluation e = score("coco-stuff-171", f);
  EXPECT_EQ(cells(e.confusion),
            (Cells{{{0, 0}, 1}, {{170, 170}, 1}, {{0, 11}, 1}, {{5, 171}, 2}, {{171, 0}, 1}}));
  // Class 0: 1 hit of 2 true and 2 predicted pixels; 170: all right; 11: missed.
  EXPECT_DOUBLE_EQ(e.metrics().miou, (1.0 / 3 + 1 + 0) / 3);
}

TEST(Prepare, VocWithAugmentedLists) {
  const Folders f = fresh_folders();
  const fs::path voc = f.raw / "VOCdevkit" / "VOC2012";
  put_labels(voc / "SegmentationClassAug" / "2007_000001.png", map_of(1, 4, {0, 1, 20, 255}));
  put_labels(voc / "SegmentationClassAug" / "2007_000002.png", map_of(1, 1, {15}));
  put_labels(voc / "SegmentationClassAug" / "2007_000003.png", map_of(1, 2, {0, 0}));
  for (const char* id : {"2007_000001", "2007_000002", "2007_000003", "2008_999999"})
    put_picture(voc / "JPEGImages" / (std::string(id) + ".jpg"), 1, id[8] == '1' ? 4 : 1);
  put_picture(voc / "JPEGImages" / "2007_000001.jpg", 1, 4);
  put_text(voc / "ImageSets/Segmentation/val.txt", "2007_000001\n2007_000003\n");
  put_text(voc / "ImageSets/Segmentation/trainaug.txt",
           "/JPEGImages/2007_000002.jpg /SegmentationClassAug/2007_000002.png\n");
  const std::atomic<bool> cancelled = true;
  PrepareOptions ended{.dataset = "voc-20", .source = f.raw, .output = f.root};
  ended.quiet = true;
  ended.cancelled = &cancelled;
  EXPECT_THROW((void)prepare_dataset(ended), Cancelled);
  const PrepareSummary summary = prepare("voc-20", f);
  EXPECT_EQ(summary.splits.at("val").written, 1) << "an interrupted run is gone on with";
  EXPECT_EQ(summary.splits.at("val").unlabelled, 1);
  EXPECT_EQ(summary.splits.at("train").written, 1);
  EXPECT_TRUE(summary.unexpected_values.empty());
  EXPECT_THAT(summary.text(), HasSubstr("trainaug.txt"));

  put_labels(f.predictions / "2007_000001.png", map_of(1, 4, {3, 0, 0, 7}));
  const Evaluation e = score("voc-20", f);
  EXPECT_EQ(cells(e.confusion), (Cells{{{3, 20}, 1}, {{0, 0}, 1}, {{0, 19}, 1}, {{7, 20}, 1}}));
  ASSERT_EQ(e.problems.size(), 1u) << describe_problems(e.problems);
  EXPECT_EQ(e.problems[0].kind, ProblemKind::kUnexpectedCount);
}

std::string merged_json() {
  const auto mask = [](std::vector<std::uint8_t> set) {
    return "{\"size\": [2, 2], \"counts\": \"" + rle_counts_to_string(encode_rle(set, 2, 2).counts) + "\"}";
  };
  return R"({"info": {"note": [1, {"image_id": 3}]},
    "categories": [{"category_id": 2, "name": "aeroplane"}],
    "images": [{"image_id": 2008000001, "file_name": "2008_000001.jpg", "phase": "val", "height": 2, "width": 2},
               {"image_id": 2008000002, "file_name": "2008_000002.jpg", "phase": "train", "height": 2, "width": 2}],
    "annos_segmentation": [
      {"id": 1, "image_id": 2008000001, "category_id": 2, "parts": [{"a": {}}], "segmentation": )" +
         mask({1, 1, 0, 0}) + R"(},
      {"id": 2, "image_id": 2008000001, "category_id": 458, "segmentation": )" +
         mask({0, 1, 1, 0}) + R"(},
      {"id": 3, "image_id": 2008000002, "category_id": 9, "segmentation": )" +
         mask({1, 1, 1, 1}) + R"(}],
    "annos_occlusion": [{"image_id": 2008000001}]})";
}

TEST(Prepare, PascalContext59) {
  const Folders f = fresh_folders();
  put_text(f.raw / "VOC2010" / "trainval_merged.json", merged_json());
  put_picture(f.raw / "VOC2010/JPEGImages/2008_000001.jpg", 2, 2);
  put_picture(f.raw / "VOC2010/JPEGImages/2008_000002.jpg", 2, 2);
  const PrepareSummary summary = prepare("pascal-context-59", f);
  EXPECT_EQ(summary.splits.at("val").written, 1) << summary.text();
  EXPECT_EQ(summary.splits.at("train").written, 1);
  // Later masks lie over earlier ones; what no mask covers is ignored.
  EXPECT_EQ(decode_labels(f.root / "pcontext/val/label/2008_000001.png"), map_of(2, 2, {0, 58, 58, 255}));
  EXPECT_EQ(decode_labels(f.root / "pcontext/train/label/2008_000002.png"), map_of(2, 2, {1, 1, 1, 1}));

  put_labels(f.predictions / "2008_000001.png", map_of(2, 2, {0, 58, 3, 3}));
  EXPECT_EQ(cells(score("pascal-context-59", f).confusion),
            (Cells{{{0, 0}, 1}, {{58, 58}, 1}, {{3, 58}, 1}, {{3, 59}, 1}}));
}

TEST(Prepare, PascalContext459FromMatlabFiles) {
  const Folders f = fresh_folders();
  put_text(f.raw / "VOC2010" / "trainval_merged.json", merged_json());
  put_picture(f.raw / "VOC2010/JPEGImages/2008_000001.jpg", 3, 4);
  fs::create_directories(f.raw / "trainval");
  // Values 1, 38, 75, ... 408, in rows.
  fs::copy_file(SAN_SOURCE_DIR "/tests/data/eval/label_map_compressed.mat",
                f.raw / "trainval/2008_000001.mat");
  const PrepareSummary summary = prepare("pascal-context-459", f);
  EXPECT_EQ(summary.splits.at("val").written, 1) << summary.text();
  EXPECT_EQ(summary.splits.at("train").failed, 1);
  EXPECT_THAT(summary.text(), HasSubstr("2008_000002.mat"));
  const LabelMap expected = map_of(3, 4, {0, 37, 74, 111, 148, 185, 222, 259, 296, 333, 370, 407});
  EXPECT_EQ(decode_labels(f.root / "pcontext_full/val/label/2008_000001.tif"), expected);

  LabelMap prediction = expected;
  prediction.labels[11] = 0;
  put_labels(f.predictions / "2008_000001.png", prediction);
  const Evaluation e = score("pascal-context-459", f);
  EXPECT_EQ(e.confusion.at(0, 407), 1u);
  EXPECT_EQ(e.confusion.at(0, 0), 1u);
  EXPECT_DOUBLE_EQ(e.metrics().miou, (0.5 + 10) / 12);
  EXPECT_DOUBLE_EQ(e.metrics().pacc, 11.0 / 12);
}

TEST(Prepare, Ade150) {
  const Folders f = fresh_folders();
  const fs::path ade = f.raw / "ADEChallengeData2016";
  put_labels(ade / "annotations/validation/ADE_val_00000001.png", map_of(1, 4, {0, 1, 150, 151}));
  put_picture(ade / "images/validation/ADE_val_00000001.jpg", 1, 4);
  const PrepareSummary summary = prepare("ade20k-150", f);
  EXPECT_EQ(summary.splits.at("val").written, 1);
  EXPECT_EQ(summary.unexpected_values, (std::map<int, std::int64_t>{{151, 1}}));
  EXPECT_THAT(summary.text(), HasSubstr("train: no raw labels, left out"));
  put_labels(f.predictions / "ADE_val_00000001.png", map_of(1, 4, {9, 0, 149, 149}));
  EXPECT_EQ(cells(score("ade20k-150", f).confusion),
            (Cells{{{9, 150}, 1}, {{0, 0}, 1}, {{149, 149}, 1}, {{149, 150}, 1}}));
}

TEST(Prepare, AdeFullResizesAndReencodes) {
  const Folders f = fresh_folders();
  const fs::path folder = f.raw / "ADE20K_2021_17_01/images/ADE/validation/urban/street";
  const fs::path other = f.raw / "ADE20K_2021_17_01/images/ADE/training/urban/street";
  const auto put_coded = [](const fs::path& path, int height, int width, auto id_at) {
    Image coded(height, width);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const int id = id_at(y, x);
        coded.row(y)[3 * x] = static_cast<std::uint8_t>(id / 256 * 10 + (x % 10));
        coded.row(y)[3 * x + 1] = static_cast<std::uint8_t>(id % 256);
        coded.row(y)[3 * x + 2] = static_cast<std::uint8_t>(y);
      }
    fs::create_directories(path.parent_path());
    write_png(path, coded);
  };
  // 600 rows → 512; 901 columns → round(901 / 600 · 512) = round(768.853) = 769. Left half wall (2978), right
  // sky (2420).
  put_picture(folder / "ADE_val_00000001.jpg", 600, 901);
  put_coded(folder / "ADE_val_00000001_seg.png", 600, 901, [](int, int x) { return x < 450 ? 2978 : 2420; });
  // Small enough to stay; 7 is no class of the 847.
  put_picture(other / "ADE_train_00000001.jpg", 4, 6);
  put_coded(other / "ADE_train_00000001_seg.png", 4, 6, [](int y, int) { return y == 0 ? 7 : 3148; });
  const PrepareSummary summary = prepare("ade20k-847", f);
  EXPECT_EQ(summary.splits.at("val").written, 1) << summary.text();
  EXPECT_EQ(summary.splits.at("train").written, 1);
  const fs::path root = f.root / "ADE20K_2021_17_01";
  EXPECT_EQ(decode_image(root / "images_detectron2/validation/ADE_val_00000001.jpg").width, 769);
  const LabelMap small = decode_labels(root / "annotations_detectron2/training/ADE_train_00000001.tif");
  EXPECT_EQ(small.labels[0], 65535);
  EXPECT_EQ(small.labels[6], 846);

  const LabelMap truth = decode_labels(root / "annotations_detectron2/validation/ADE_val_00000001.tif");
  ASSERT_EQ(truth.height, 512);
  ASSERT_EQ(truth.width, 769);
  // Column 384 comes from floor(384 · 901 / 769) = 449, the last of the wall.
  put_labels(f.predictions / "ADE_val_00000001.png", LabelMap(512, 769, 0));
  EXPECT_EQ(cells(score("ade20k-847", f).confusion), (Cells{{{0, 0}, 385u * 512}, {{0, 2}, 384u * 512}}));
}

TEST(Prepare, ContinuesWhereItStopped) {
  const Folders f = fresh_folders();
  const fs::path ade = f.raw / "ADEChallengeData2016";
  for (const char* name : {"a", "b"}) {
    put_labels(ade / "annotations/validation" / (std::string(name) + ".png"), map_of(1, 1, {1}));
    put_picture(ade / "images/validation" / (std::string(name) + ".jpg"), 1, 1);
  }
  EXPECT_EQ(prepare("ade20k-150", f).splits.at("val").written, 2);
  fs::remove(f.root / "ADEChallengeData2016/annotations_detectron2/validation/b.png");
  const PrepareSummary again = prepare("ade20k-150", f);
  EXPECT_EQ(again.splits.at("val").written, 1);
  EXPECT_EQ(again.splits.at("val").kept, 1);
}

TEST(Prepare, SaysWhereItLooked) {
  const Folders f = fresh_folders();
  const auto error = [&](const std::string& dataset) -> std::string {
    try {
      (void)prepare(dataset, f);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(error("coco-stuff-171"), HasSubstr("stuffthingmaps_trainval2017/val2017"));
  EXPECT_THAT(error("voc-20"), HasSubstr("SegmentationClassAug"));
  EXPECT_THAT(error("pascal-context-59"), HasSubstr("trainval_merged.json"));
  EXPECT_THAT(error("ade20k-847"), HasSubstr("ADE_*.jpg"));
  EXPECT_THAT(error("nothing"), HasSubstr("voc-20"));
  put_text(f.raw / "trainval_merged.json", "{\"images\": [3]}");
  EXPECT_THAT(error("pascal-context-59"), HasSubstr("trainval_merged.json"));
}

}  // namespace
}  // namespace san
