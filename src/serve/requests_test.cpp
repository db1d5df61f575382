#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "serve/cvat.h"
#include "serve/label_studio.h"
#include "serve/open_inference.h"
#include "serve/segment_request.h"

namespace san::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

HttpRequest json_request(const std::string& body) {
  HttpRequest r;
  r.headers = {{"content-type", "Application/JSON; charset=utf-8"}};
  r.body = body;
  return r;
}

/// Status and field of the refusal; 200 when there is none.
template <class Action>
std::pair<int, std::string> refusal_of(Action action) {
  try {
    action();
    return {200, ""};
  } catch (const Refusal& r) {
    return {r.status(), r.field()};
  }
}

TEST(SegmentRequests, EveryFieldIsRead) {
  const SegmentRequest r = read_segment_request(
      json_request(
          R"({"image": "data:image/png;base64,AAEC", "classes": ["cup|mug", "knife, fork"], "distractors": "sky, sea",
        "templates": ["a {}."], "output": ["labels", "scores"], "model": "m", "name": "n", "background": "other",
        "short_side": 320, "bank": "mine", "bank_weight": 0.5, "tile": 640, "tile_overlap": 64, "preprocess": "demo", "colors": ["#010203", "#A0b0C0"], "score_side": 100,
        "overlay": {"opacity": 0.25, "legend": false}, "min_class_score": 0.5, "mask_threshold": 0.75})"),
      {});
  EXPECT_EQ(r.image, std::string("\0\1\2", 3));
  ASSERT_EQ(r.words.classes.size(), 2u);
  EXPECT_THAT(r.words.classes[0].names, ElementsAre("cup", "mug"));
  EXPECT_EQ(r.words.classes[1].label, "knife, fork");
  EXPECT_EQ(r.words.distractors.size(), 2u);
  EXPECT_FALSE(r.words.choose_distractors);
  EXPECT_THAT(r.words.templates, ElementsAre("a {}."));
  EXPECT_THAT(r.outputs, ElementsAre(Output::kLabels, Output::kScores));
  EXPECT_EQ(r.model, "m");
  EXPECT_TRUE(r.other);
  EXPECT_EQ(r.short_side, 320);
  EXPECT_EQ(r.tile, 640);
  EXPECT_EQ(r.tile_overlap, 64);
  EXPECT_EQ(r.preprocessing, Preprocessing::kDemo);
  EXPECT_EQ(r.bank, (BankChoice{true, "mine", 0.5f}));
  EXPECT_EQ(r.colors[1], (Rgb{0xa0, 0xb0, 0xc0}));
  EXPECT_EQ(r.overlay.opacity, 0.25f);
  EXPECT_FALSE(r.overlay.legend);
  EXPECT_EQ(r.proposals.threshold, 0.75f);
  EXPECT_EQ(r.score_side, 100);
}

TEST(SegmentRequests, ThoseThatNameNothingGetTheDefaults) {
  const SegmentRequest r =
      read_segment_request(json_request(R"({"image": "AAEC", "classes": "cat, dog"})"), {});
  EXPECT_EQ(r.words.classes.size(), 2u);
  EXPECT_THAT(r.outputs, ElementsAre(Output::kJson));
  EXPECT_FALSE(r.other);
  EXPECT_TRUE(r.words.choose_distractors) << "few classes";
  EXPECT_EQ(r.tile, 0);
  EXPECT_FALSE(r.refine.has_value());
  EXPECT_EQ(r.bank, BankChoice());
  const SegmentRequest set = read_segment_request(
      json_request(R"({"image": "AAEC", "label_set": "voc-20", "short_side": null})"), {});
  EXPECT_EQ(set.words.classes.size(), 20u);
  EXPECT_FALSE(set.words.choose_distractors);
  const SegmentRequest none = read_segment_request(
      json_request(R"({"image": "AAEC", "classes": "cat, dog", "distractors": "none"})"), {});
  EXPECT_FALSE(none.words.choose_distractors);
  EXPECT_TRUE(none.words.distractors.empty());
}

TEST(SegmentRequests, TemplatesAreNoFiles) {
  const auto ask = [](const std::string& templates) {
    return refusal_of([&] {
      read_segment_request(
          json_request(R"({"image": "AAEC", "classes": "a", "templates": )" + templates + "}"), {});
    });
  };
  EXPECT_EQ(ask(R"(["vild"])").first, 200);
  EXPECT_EQ(ask(R"("single")").first, 200);
  for (const char* t :
       {R"(["/etc/passwd"])", R"("/etc/passwd")", R"(["{} {}"])", R"(["vild", "single"])", "[1]"})
    EXPECT_EQ(ask(t).first, 422) << t;
}

TEST(SegmentRequests, NumbersInFormsAreText) {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nxyz\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"classes\"\r\n\r\na, b\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"short_side\"\r\n\r\n64\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"short_side\": 1, \"background\": "
      "\"other\"}\r\n--b--";
  HttpRequest r;
  r.headers = {{"content-type", "multipart/form-data; boundary=b"}};
  r.body = body;
  const SegmentRequest s = read_segment_request(r, {});
  EXPECT_EQ(s.image, "xyz");
  EXPECT_EQ(s.short_side, 64);
  EXPECT_TRUE(s.other);
  for (const char* bad : {"64x", "-1", "1.5", "", "99999999999999999999"}) {
    r.body = body;
    r.body.replace(r.body.find("64"), 2, bad);
    EXPECT_EQ(refusal_of([&] { read_segment_request(r, {}); }),
              (std::pair<int, std::string>(422, "short_side")))
        << bad;
  }
}

TEST(SegmentRequests, RefusalsNameTheField) {
  const auto ask = [](const std::string& more) {
    return refusal_of([&] {
      read_segment_request(json_request(R"({"image": "AAEC", "classes": ["a"])" + more + "}"), {});
    });
  };
  using Pair = std::pair<int, std::string>;
  EXPECT_EQ(ask(R"(, "short_side": -1)"), Pair(422, "short_side"));
  EXPECT_EQ(ask(R"(, "tile": 31)"), Pair(422, "tile"));
  EXPECT_EQ(ask(R"(, "tile": 65536)"), Pair(422, "tile"));
  EXPECT_EQ(ask(R"(, "tile": 64, "tile_overlap": 33)"), Pair(422, "tile_overlap"));
  EXPECT_EQ(ask(R"(, "tile_overlap": 8)"), Pair(422, "tile_overlap"));
  EXPECT_EQ(ask(R"(, "short_side": 18446744073709551615)"), Pair(422, "short_side"));
  EXPECT_EQ(ask(R"(, "overlay": {"opacity": 2})"), Pair(422, "overlay.opacity"));
  EXPECT_EQ(ask(R"(, "colors": ["red"])"), Pair(422, "colors[0]"));
  EXPECT_EQ(ask(R"(, "vocabulary": "x")"), Pair(422, "classes"));
  EXPECT_EQ(ask(R"(, "refine": 1)"), Pair(422, "refine"));
  EXPECT_EQ(ask(R"(, "refine": true, "tile": 64)"), Pair(422, "refine"));
  EXPECT_EQ(ask(R"(, "bank": 1)"), Pair(422, "bank"));
  EXPECT_EQ(ask(R"(, "bank": "../a")"), Pair(422, "bank"));
  EXPECT_EQ(ask(R"(, "bank_weight": -0.1)"), Pair(422, "bank_weight"));
  EXPECT_EQ(ask(R"(, "bank": false, "bank_weight": 1)"), Pair(422, "bank_weight"));
  EXPECT_EQ(ask(R"(, "zoom": 1)"), Pair(422, "zoom"));
  EXPECT_EQ(ask(", \"a\": [" + std::string(40, '[') + std::string(40, ']') + "]").first, 400);
  EXPECT_EQ(refusal_of([] { read_segment_request(json_request("[1"), {}); }).first, 400);
}

TEST(ExampleRequests, AreAPictureARegionAndAName) {
  const auto read = [](const std::string& more) {
    return read_example_request(json_request(R"({"image": "AAEC", )" + more + "}"), {});
  };
  const ExampleRequest by_point =
      read(R"("class": "cup|mug", "point": [3, 4], "classes": "a, b", "bank": "mine", "refine": true)");
  EXPECT_EQ(by_point.name.label, "cup");
  EXPECT_EQ(by_point.point, std::pair(3, 4));
  EXPECT_FALSE(by_point.mask.has_value());
  EXPECT_EQ(by_point.segment.words.classes.size(), 2u);
  EXPECT_EQ(by_point.segment.bank.name, "mine");
  const Rle rle{2, 3, {1, 2, 3}};
  const std::string mask =
      R"("class": "cup", "mask": {"size": [2, 3], "counts": ")" + rle_counts_to_string(rle.counts) + "\"}";
  EXPECT_EQ(read(mask).mask, rle);
  EXPECT_TRUE(read(mask).segment.words.classes.empty());
  using Pair = std::pair<int, std::string>;
  const auto ask = [&](const std::string& more) { return refusal_of([&] { read(more); }); };
  EXPECT_EQ(ask(R"("point": [3, 4], "classes": "a")"), Pair(422, "class"));
  EXPECT_EQ(ask(R"("class": "", "point": [3, 4], "classes": "a")"), Pair(422, "class"));
  EXPECT_EQ(ask(R"("class": "a")"), Pair(422, "point"));
  EXPECT_EQ(ask(mask + R"(, "point": [1, 1])"), Pair(422, "point"));
  EXPECT_EQ(ask(R"("class": "a", "point": [1, 1])"), Pair(422, "classes")) << "whose region?";
  for (const char* point : {"1", "[]", "[1]", "[1, 2, 3]", "[-1, 2]", "[1.5, 2]", R"(["1", 2])", "[4e9, 1]"})
    EXPECT_EQ(ask(R"("class": "a", "classes": "a", "point": )" + std::string(point)), Pair(422, "point"))
        << point;
  for (const char* size : {"[2]", "[0, 3]", "[-2, 3]", "[2, 3.5]", "[99999, 3]", "7"})
    EXPECT_EQ(ask(R"("class": "a", "mask": {"counts": "1", "size": )" + std::string(size) + "}"),
              Pair(422, "mask.size"))
        << size;
  for (const char* counts : {R"("")", R"("1")", R"("\u0001")", "[1, 2, 3]", R"("oooooooooo")"})
    EXPECT_EQ(ask(R"("class": "a", "mask": {"size": [2, 3], "counts": )" + std::string(counts) + "}"),
              Pair(422, "mask.counts"))
        << counts;
  EXPECT_EQ(ask(mask + R"(, "output": "json")"), Pair(422, "output"));
}

TEST(Names, AreOfFewCharacters) {
  for (const char* name : {"a", "coco-stuff_171.v2", "0"}) EXPECT_NO_THROW(check_name(name, "name"));
  for (const std::string& name : {std::string(), std::string(".."), std::string("a/b"), std::string("a b"),
                                  std::string("ä"), std::string(65, 'a'), std::string("a\0", 2)})
    EXPECT_THROW(check_name(name, "name"), Refusal) << name;
}

TEST(BrushRle, IsWhatLabelStudioWrites) {
  // 1 × 2 pixels, the second set: 4 × 0, then 4 × 255. 32 bits of 8, 5 of 7, four sizes (3, 4, 8, 16) less
  // one; then 1 00 011 00000000 and 1 00 011 11111111.
  const std::vector<std::uint8_t> mask{0, 1};
  const std::vector<std::uint8_t> wanted{
      0, 0, 0, 8, 0b00111001, 0b00011011, 0b11111100, 0b01100000, 0b00010001, 0b11111111, 0b10000000};
  EXPECT_EQ(brush_rle(mask, 1, 2), wanted);
  EXPECT_EQ(decode_brush_rle(wanted, 1, 2), mask);
}

TEST(BrushRle, EveryMaskComesBack) {
  Rng random(3);
  for (const auto& [height, width] : {std::pair(1, 1), {3, 5}, {64, 64}, {300, 700}, {1, 70000}})
    for (const double share : {0.0, 0.01, 0.5, 1.0}) {
      std::vector<std::uint8_t> mask(static_cast<std::size_t>(height * width));
      for (std::uint8_t& v : mask) v = random.uniform() < share ? 1 : 0;
      EXPECT_EQ(decode_brush_rle(brush_rle(mask, height, width), height, width), mask)
          << height << " " << width;
    }
  EXPECT_THROW(brush_rle(std::vector<std::uint8_t>(5), 2, 3), Error);
  EXPECT_THROW(decode_brush_rle(std::vector<std::uint8_t>(5), 2, 3), Error);
  EXPECT_THROW(decode_brush_rle(brush_rle(std::vector<std::uint8_t>(6), 2, 3), 2, 4), Error);
}

TEST(BrushConfig, IsFoundInTheInterface) {
  const BrushConfig c = read_brush_config(
      R"(<View><Image name="i" value="$photo"/><View><BrushLabels name="b" toName="i"><Label value="cup|mug" alias="Cup"/>
         <Label value="a &amp; b"/></BrushLabels></View></View>)");
  EXPECT_EQ(c.from_name, "b");
  EXPECT_EQ(c.data_key, "photo");
  EXPECT_THAT(c.values, ElementsAre("cup|mug", "a & b"));
  EXPECT_THAT(c.shown, ElementsAre("Cup", "a & b"));
  for (const char* xml : {"", "<a", "<View/>", "<BrushLabels name='b' toName='i'/>",
                          "<View><Image name='x' value='$a'/><BrushLabels name='b' toName='i'><Label "
                          "value='c'/></BrushLabels></View>"})
    EXPECT_THROW(read_brush_config(xml), Refusal) << xml;
}

TEST(Inference, TensorsAreRead) {
  HttpRequest r = json_request(
      R"({"id": "7", "inputs": [{"name": "pixels", "shape": [1, 2, 3], "datatype": "UINT8", "data": [[[1, 2, 3], [4, 5, 6]]]},
          {"name": "classes", "shape": [1], "datatype": "BYTES", "data": ["a"]}], "parameters": {"short_side": "64", "refine": true, "bank": "mine"}})");
  const InferenceRequest one = read_inference(r, {});
  EXPECT_EQ(one.id, "7");
  EXPECT_THAT(one.segment.pixels->rgb, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(one.segment.short_side, 64);
  EXPECT_EQ(one.segment.refine, true);
  EXPECT_EQ(one.segment.bank.name, "mine");
  EXPECT_EQ(one.outputs.size(), 4u);
  EXPECT_FALSE(one.batched);

  const std::string head =
      R"({"inputs":[{"name":"pixels","shape":[1,1,2,3],"datatype":"UINT8","parameters":{"binary_data_size":6}},)"
      R"({"name":"classes","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}],"outputs":[{"name":"labels","parameters":{"binary_data":true}}]})";
  r.headers["inference-header-content-length"] = std::to_string(head.size());
  r.body = head + "\1\2\3\4\5\6" + std::string("\1\0\0\0a", 5);
  const InferenceRequest two = read_inference(r, {});
  EXPECT_EQ(*two.segment.pixels, *one.segment.pixels);
  EXPECT_TRUE(two.batched);
  EXPECT_TRUE(two.outputs.at(0).binary);
  for (std::size_t cut = 0; cut < r.body.size(); ++cut) {
    HttpRequest less = r;
    less.body.resize(cut);
    EXPECT_GE(refusal_of([&] { read_inference(less, {}); }).first, 400) << cut;
  }
  r.body += "x";
  EXPECT_EQ(refusal_of([&] { read_inference(r, {}); }).first, 400);
}

}  // namespace
}  // namespace san::serve
