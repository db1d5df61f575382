#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/test_error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

/// An empty folder of its own for each test.
fs::path fresh_folder() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const fs::path folder = fs::path(testing::TempDir()) / "san_dataset" / info->name();
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

void touch(const fs::path& file) {
  fs::create_directories(file.parent_path());
  write_file_atomically(file, "");
}

TEST(DatasetSpec, ShippedDescriptionsAreComplete) {
  const std::map<std::string, int> classes{{"ade20k-150", 150},       {"ade20k-847", 847},
                                           {"coco-stuff-171", 171},   {"pascal-context-459", 459},
                                           {"pascal-context-59", 59}, {"voc-20", 20}};
  EXPECT_EQ(shipped_datasets().size(), classes.size());
  for (const auto& [name, count] : classes) {
    const DatasetSpec spec = load_dataset_spec(name);
    EXPECT_EQ(spec.name, name);
    EXPECT_EQ(spec.class_count(), count);
    EXPECT_EQ(spec.raw_ids.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(spec.ignore, count > 255 ? 65535 : 255);
    EXPECT_EQ(spec.default_split, "val");
    EXPECT_TRUE(spec.splits.contains("train"));
    EXPECT_TRUE(spec.split("").expected_samples);
  }
}

TEST(DatasetSpec, RegisteredIds) {
  const DatasetSpec coco = load_dataset_spec("coco-stuff-171"), ade = load_dataset_spec("ade20k-847");
  EXPECT_EQ(coco.category_ids.back(), 182);
  EXPECT_EQ(coco.raw_ids.back(), 181);
  EXPECT_EQ(ade.category_ids.front(), 2978);
  EXPECT_EQ(load_dataset_spec("ade20k-150").category_ids.back(), 149);
}

TEST(DatasetSpec, RefusesWhatItDoesNotUnderstand) {
  const auto parse = [](const std::string& yaml) {
    return error_of([&] { (void)parse_dataset_spec(yaml, "my.yaml", {}); });
  };
  const std::string good = "name: x\nclasses: [a, b]\nsplits: {val: {images: i, labels: l}}\n";
  EXPECT_EQ(parse(good), "");
  EXPECT_THAT(parse(good + "ingore: 255\n"), HasSubstr("unknown key 'ingore'"));
  EXPECT_THAT(parse(good + "ignore: 1\n"), HasSubstr("is also a class"));
  EXPECT_THAT(parse(good + "category_ids: [1]\n"), HasSubstr("1 category_ids for 2 classes"));
  EXPECT_THAT(parse(good + "default_split: tset\n"), HasSubstr("no split 'tset'; there are: val"));
  EXPECT_THAT(parse("name: x\nclasses: [a, a]\nsplits: {val: {images: i, labels: l}}\n"),
              HasSubstr("named twice"));
  EXPECT_THAT(parse("name: [\n"), HasSubstr("my.yaml"));
  EXPECT_THAT(parse("- 1\n"), HasSubstr("my.yaml"));
  EXPECT_THAT(parse("name: x\n"), HasSubstr("classes"));
  EXPECT_THAT(error_of([] { (void)load_dataset_spec("no-such"); }), HasSubstr("ade20k-150"));
}

TEST(Dataset, MatchesByStemAndListsTheRest) {
  const fs::path root = fresh_folder();
  for (const char* name : {"b.jpg", "a.JPG", "c.png", "c.jpg", "notes.txt", "lonely.jpg"})
    touch(root / "images" / name);
  for (const char* name : {"a.png", "b.png", "c.png", "orphan.png"}) touch(root / "labels" / name);
  fs::create_directories(root / "images" / "deeper.jpg");
  write_file_atomically(root / "classes.txt", "sky\r\n  tree \n\n");
  const Dataset data = open_dataset(load_dataset_spec(root.string()));
  EXPECT_THAT(data.spec.classes, ElementsAre("sky", "tree"));
  ASSERT_EQ(data.samples.size(), 3u);
  EXPECT_EQ(data.samples[0].image.filename(), "a.JPG");
  EXPECT_EQ(data.samples[1].stem, "b");
  EXPECT_EQ(data.samples[2].image.filename(), "c.jpg");
  ASSERT_EQ(data.problems.size(), 3u);
  EXPECT_EQ(data.problems[0].kind, ProblemKind::kDuplicateStem);
  EXPECT_EQ(data.problems[1].path.filename(), "lonely.jpg");
  EXPECT_EQ(data.problems[2].kind, ProblemKind::kLabelWithoutImage);
  EXPECT_THAT(describe_problems(data.problems), HasSubstr("label without image: 1\n"));
}

TEST(Dataset, FolderDescriptionFile) {
  const fs::path root = fresh_folder();
  touch(root / "left" / "x.png");
  touch(root / "right" / "x.tif");
  write_file_atomically(root / "names.txt", "one\n");
  write_file_atomically(root / "dataset.yaml",
                        "name: mine\nclasses_file: names.txt\nignore: 9\n"
                        "splits: {test: {images: left, labels: right, expected_samples: 2}}\n");
  for (const fs::path& path : {root, root / "dataset.yaml"}) {
    const Dataset data = open_dataset(load_dataset_spec(path.string()));
    EXPECT_EQ(data.samples.size(), 1u);
    EXPECT_EQ(data.split, "test");
    EXPECT_EQ(data.spec.ignore, 9);
    ASSERT_EQ(data.problems.size(), 1u);
    EXPECT_EQ(data.problems[0].kind, ProblemKind::kUnexpectedCount);
  }
}

TEST(Dataset, ClassFilesFollowTheRuleOfClassLists) {
  const fs::path root = fresh_folder();
  write_file_atomically(root / "classes.txt", "# road scenes\ncar, automobile\nsofa | couch\n\nsky\n");
  const DatasetSpec spec = load_dataset_spec(root.string());
  EXPECT_THAT(spec.classes, ElementsAre("car, automobile", "sofa", "sky"));
  EXPECT_THAT(spec.vocabulary()[1].names, ElementsAre("sofa", "couch"));
  EXPECT_THAT(spec.vocabulary()[2].names, ElementsAre("sky"));
  const DatasetSpec listed = parse_dataset_spec(
      "{name: x, classes: [\"a|b\", c], splits: {v: {images: i, labels: l}}}", "x.yaml", {});
  EXPECT_THAT(listed.vocabulary()[0].names, ElementsAre("a", "b"));
  write_file_atomically(root / "some.txt", "# by any name\nsky\ncouch\n");
  EXPECT_THAT(read_class_subset(root / "some.txt", spec), ElementsAre(2, 1));
  write_file_atomically(root / "some.txt", "couch\nsofa\n");
  EXPECT_THAT(error_of([&] { (void)read_class_subset(root / "some.txt", spec); }), HasSubstr("class twice"));
  write_file_atomically(root / "classes.txt", "sky\n\nSky\n");
  EXPECT_THAT(error_of([&] { (void)load_dataset_spec(root.string()); }), HasSubstr("classes.txt:3: 'Sky'"));
}

TEST(Dataset, SaysWhatIsMissing) {
  const fs::path root = fresh_folder();
  EXPECT_THAT(error_of([&] { (void)open_dataset(load_dataset_spec("ade20k-150"), root); }),
              HasSubstr("ADEChallengeData2016/images/validation: no such folder"));
  EXPECT_THAT(error_of([&] { (void)load_dataset_spec(root.string()); }), HasSubstr("classes.txt"));
  fs::create_directories(root / "images");
  fs::create_directories(root / "labels");
  write_file_atomically(root / "classes.txt", "sky\n");
  EXPECT_THAT(error_of([&] { (void)open_dataset(load_dataset_spec(root.string())); }),
              HasSubstr("found 0 images"));
}

// An alias stands for a copy: a page of text can describe more than any memory holds.
TEST(DatasetSpec, CountsWhatAliasesStandFor) {
  std::string doubling = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) doubling += fmt::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
  const auto error = [](const std::string& yaml) {
    return error_of([&] { (void)parse_dataset_spec(yaml, "spec", {}); });
  };
  EXPECT_THAT(error(doubling), HasSubstr("values, aliases written out, more than the 500000 that are read"));
  EXPECT_THAT(error("&a [*a]"), HasSubstr("spec: line 1: a value that contains itself"));
  EXPECT_THAT(error(std::string(100, '[') + std::string(100, ']')),
              HasSubstr("spec: nested more than 64 deep"));
  std::string anchors;
  for (int i = 0; i < 2000; ++i) anchors += fmt::format("- &n{} v\n", i);
  EXPECT_THAT(error(anchors), HasSubstr("spec: 1001 anchors, more than the 1000 that are read"));
}

TEST(Shard, PartitionsTheSamples) {
  std::vector<Sample> all(10);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].stem = std::to_string(i);
  std::size_t total = 0;
  for (int i = 1; i <= 3; ++i) total += Shard{i, 3}.select(all).size();
  EXPECT_EQ(total, all.size());
  EXPECT_EQ(Shard::parse("2/3").select(all)[1].stem, "4");
  for (const char* bad : {"", "1", "0/2", "3/2", "1/2x", "a/2", "-1/2"})
    EXPECT_THROW(Shard::parse(bad), Error) << bad;
}

}  // namespace
}  // namespace san
