#include "train/dataset/dataset_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "base/error.h"
#include "image/codec/encode.h"
#include "train/synthetic_source.h"

namespace san {
namespace {

// Six pictures, number i of one grey 10·i, half of them upright; labels 0 or 1, the first column ignored.
class DatasetSource : public ::testing::Test {
 protected:
  DatasetSource()
      : root_(std::filesystem::temp_directory_path() / fmt::format("san_samples_{}", ::getpid())) {
    std::filesystem::create_directories(root_ / "images");
    std::filesystem::create_directories(root_ / "labels");
    for (int i = 0; i < 6; ++i) write(i, static_cast<Label>(i % 2));
    std::ofstream(root_ / "classes.txt") << "grass\nball\n";
    options_.min_size = {16}, options_.crop = 16, options_.color_jitter = false;
  }
  ~DatasetSource() override { std::filesystem::remove_all(root_); }

  void write(int i, Label label) const {
    Image image(i % 2 ? 20 : 30, i % 2 ? 30 : 20);
    std::fill(image.rgb.begin(), image.rgb.end(), static_cast<std::uint8_t>(10 * i));
    LabelMap labels(image.height, image.width, label);
    for (int y = 0; y < labels.height; ++y) labels.row(y)[0] = 255;
    write_png(root_ / fmt::format("images/{}.png", i), image);
    write_labels(root_ / fmt::format("labels/{}.png", i), labels);
  }
  std::shared_ptr<const SampleSource> samples(std::uint64_t seed = 1) const {
    return dataset_samples(
        open_dataset(describe_folders(root_ / "images", root_ / "labels", root_ / "classes.txt")), options_,
        seed);
  }
  struct Drawn {
    std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(16 * 16 * 3);
    std::vector<Label> labels = std::vector<Label>(16 * 16);
    friend bool operator==(const Drawn&, const Drawn&) = default;
  };
  static Drawn draw(const SampleSource& source, std::uint64_t position) {
    Drawn d;
    source.fill(position, d.rgb.data(), d.labels.data());
    return d;
  }

  std::filesystem::path root_;
  AugmentationOptions options_;
};

TEST_F(DatasetSource, EveryEpochShowsEveryPictureOnceInAnotherOrder) {
  const auto source = samples();
  std::vector<std::vector<int>> epochs;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    epochs.emplace_back();
    for (std::uint64_t i = 0; i < 6; ++i) epochs.back().push_back(draw(*source, 6 * epoch + i).rgb[0] / 10);
    EXPECT_EQ(std::set<int>(epochs.back().begin(), epochs.back().end()).size(), 6u);
  }
  EXPECT_FALSE(epochs[0] == epochs[1] && epochs[1] == epochs[2]);
}

TEST_F(DatasetSource, ASampleIsAFunctionOfSeedAndPosition) {
  const auto a = samples(), b = samples();
  (void)draw(*a, 40);  // another way there
  EXPECT_EQ(draw(*a, 5), draw(*b, 5));
  bool differs = false;
  for (std::uint64_t i = 0; i < 6; ++i) differs |= !(draw(*a, i) == draw(*samples(2), i));
  EXPECT_TRUE(differs);
}

TEST_F(DatasetSource, LabelsArriveWithTheIgnoredMarked) {
  const auto source = samples();
  std::set<Label> seen;
  for (std::uint64_t i = 0; i < 30; ++i) {
    const Drawn d = draw(*source, i);
    seen.insert(d.labels.begin(), d.labels.end());
    EXPECT_EQ(d.rgb[0] / 10 % 2, source->group(i)) << "orientation, by the header";
  }
  EXPECT_EQ(seen, (std::set<Label>{0, 1, kNoLabel}));
}

TEST_F(DatasetSource, AForeignLabelIsAnErrorThatNamesTheFile) {
  write(3, 7);
  const auto source = samples();
  std::string message;
  for (std::uint64_t i = 0; i < 6; ++i) try {
      (void)draw(*source, i);
    } catch (const Error& e) {
      message = e.what();
    }
  EXPECT_NE(message.find("3.png: label 7 though the dataset has 2 classes"), std::string::npos) << message;
}

TEST_F(DatasetSource, HeldOutPicturesAreNotTrainedOn) {
  const DatasetSpec spec = describe_folders(root_ / "images", root_ / "labels", root_ / "classes.txt");
  const auto split = [&](double share, std::uint64_t seed) {
    Dataset kept = open_dataset(spec);
    const Dataset held = hold_out(kept, share, seed);
    std::vector<std::string> stems;
    for (const Sample& s : held.samples) stems.push_back(s.stem);
    std::set<std::string> all(stems.begin(), stems.end());
    for (const Sample& s : kept.samples) all.insert(s.stem);
    EXPECT_EQ(kept.samples.size() + stems.size(), 6u);
    EXPECT_EQ(all.size(), 6u) << "a picture is on both sides";
    return stems;
  };
  EXPECT_EQ(split(0.34, 1).size(), 2u);
  EXPECT_EQ(split(0.34, 1), split(0.34, 1));
  EXPECT_EQ(split(0.01, 1).size(), 1u) << "somebody who asks for a share gets one";
  EXPECT_EQ(split(0.99, 1).size(), 5u) << "something is left to train on";
  EXPECT_TRUE(split(0, 1).empty());
  std::set<std::vector<std::string>> differing;
  for (std::uint64_t seed = 1; seed < 9; ++seed) differing.insert(split(0.34, seed));
  EXPECT_GT(differing.size(), 1u) << "always the same pictures";
}

TEST_F(DatasetSource, SyntheticSamplesAreTilesOfClasses) {
  const auto source = synthetic_samples(16, {"a", "b", "c"}, 1);
  const Drawn d = draw(*source, 3);
  for (const Label label : d.labels) EXPECT_LT(label, 3);
  EXPECT_EQ(d, draw(*source, 3));
}

}  // namespace
}  // namespace san
