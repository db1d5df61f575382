#include "engine/engine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "engine/test_engine.h"

namespace san {
namespace {

using test::encode;

namespace fs = std::filesystem;

std::shared_ptr<const Engine> tiny_engine(const std::string& method = "") {
  return std::make_shared<const Engine>(load_model("formula:tiny"), make_reference_backend(), method);
}

Image gradient(int height, int width) {
  Image image(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::uint8_t* p = image.row(y) + static_cast<std::ptrdiff_t>(x) * 3;
      p[0] = static_cast<std::uint8_t>(x * 255 / width), p[1] = static_cast<std::uint8_t>(y * 255 / height),
      p[2] = 90;
    }
  return image;
}

TEST(Engine, LabelsEveryPixelAtThePicturesSize) {
  const auto engine = tiny_engine();
  const auto words = encode(*engine, "cat, sofa|couch, sky");
  EXPECT_EQ(words->classes.size(), 3u);
  EXPECT_EQ(words->row_count(), 4);
  Session session(engine, 1);
  const Image image = gradient(50, 70);
  const SegmentationResult result = session.segment(image, words);
  EXPECT_EQ(result.labels.height, 50);
  EXPECT_EQ(result.labels.width, 70);
  std::int64_t total = 0;
  for (const std::int64_t area : result.areas) total += area;
  EXPECT_EQ(total, 50 * 70);
  EXPECT_EQ(session.segment(image, words).labels, result.labels);
}

TEST(Engine, ASynonymThatNeverWinsChangesNothing) {
  const auto engine = tiny_engine();
  Session session(engine, 1);
  const Image image = gradient(40, 40);
  const auto plain = session.segment(image, encode(*engine, "cat, dog, sky")).labels;
  // The same class twice under spellings that tokenise differently must keep the order of labels.
  const auto grouped = session.segment(image, encode(*engine, "cat, dog|sky")).labels;
  for (std::size_t i = 0; i < plain.labels.size(); ++i) EXPECT_LE(grouped.labels[i], 1);
  std::set<int> seen(plain.labels.begin(), plain.labels.end());
  for (const int label : seen) EXPECT_LT(label, 3);
}

// Without CLIP's merges the formula's networks still take every published name.
TEST(LoadModel, FormulaSpellsTheLongestPublishedName) {
  const LoadedModel model = load_model("formula:tiny");
  const std::string longest =
      "This is a photo of a medium computer, computing machine, computing device, data processor, electronic "
      "computer, "
      "information processing system.";
  EXPECT_LE(model.tokenizer->encode_uncut(longest).size(), 77u);
}

TEST(LoadModel, SaysWhatIsWrong) {
  EXPECT_THROW(load_model("formula:resnet"), Error);
  EXPECT_THROW(load_model("/nonexistent/model.safetensors"), Error);
  EXPECT_THROW(load_model(SAN_SOURCE_DIR "/LICENSE"), Error);
}

}  // namespace
}  // namespace san
