// What makes answers better without training: banks of examples, distractors, edges, least scores, advice on
// words.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "cli_fixture.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class Answers : public Cli {
 protected:
  /// A data set of two pictures: class 0 left, class 1 right, a strip of which nothing is known between.
  void dataset() const {
    fs::create_directories(folder_ / "set/images");
    fs::create_directories(folder_ / "set/labels");
    write_file(folder_ / "set/classes.txt", "cat\nsofa|couch\nwall\n");
    for (int i = 0; i < 2; ++i) {
      const std::string name = std::to_string(i) + ".png";
      picture("set/images/" + name, 64, 96, i + 1);
      LabelMap labels(64, 96, 255);
      for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 96; ++x)
          if (x < 40 || x > 50) labels.row(y)[x] = x < 40 ? 0 : 1;
      write_labels(folder_ / "set/labels" / name, labels);
    }
  }
  ProcessResult build(std::vector<std::string> more) const {
    std::vector<std::string> all{"bank",     "build",   "--model", "formula:tiny",
                                 "--output", "my.bank", "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    return san(all);
  }
  LabelMap labels_of(const std::vector<std::string>& more) const {
    fs::remove_all(folder_ / "out");
    std::vector<std::string> all{"--save", "labels"};
    all.insert(all.end(), more.begin(), more.end());
    expect_success(segment({"a.png"}, all));
    return decode_labels(folder_ / "out/a.labels.png");
  }
};

TEST_F(Answers, ABankIsBuiltShownAndAsked) {
  dataset();
  picture("a.png", 64, 96, 1);  // one of the bank's: two pictures say nothing of others
  expect_success(build({"set"}));
  const ProcessResult shown = san({"bank", "show", "my.bank", "--json"});
  expect_success(shown);
  const json bank = json::parse(shown.out);
  EXPECT_EQ(bank["pictures"], 2);
  EXPECT_EQ(bank["classes"][0]["name"], "cat");
  EXPECT_EQ(bank["classes"][0]["pictures"], 2);
  EXPECT_EQ(bank["classes"][1]["name"], "sofa");
  EXPECT_EQ(bank["classes"][2]["pictures"], 0);

  const LabelMap words = labels_of({"--classes", "cat, sofa, wall"});
  EXPECT_EQ(labels_of({"--classes", "cat, sofa, wall", "--bank", "my.bank:0"}), words)
      << "a weight of 0 is words alone";
  EXPECT_NE(labels_of({"--classes", "cat, sofa, wall", "--bank", "my.bank:5"}), words);
}

TEST_F(Answers, ABankIsBuiltOfFoldersNamedByTheirClasses) {
  for (const char* name : {"parts/bracket A", "parts/bracket B"}) {
    fs::create_directories(folder_ / name);
    picture(std::string(name) + "/1.png", 64, 64, name[14]);
    picture(std::string(name) + "/2.png", 64, 64, name[14] + 40);
  }
  const ProcessResult r = build({"parts", "--per-class", "1"});
  expect_success(r);
  EXPECT_THAT(r.out, HasSubstr("2 classes from 2 pictures"));
}

TEST_F(Answers, BanksThatCannotBeUsedAreRefused) {
  dataset();
  picture("a.png");
  expect_success(build({"set"}));
  const auto asked = [&](const std::string& bank, const std::vector<std::string>& more) {
    std::vector<std::string> all{"--bank", bank};
    all.insert(all.end(), more.begin(), more.end());
    return segment({"a.png"}, all);
  };
  expect_error(asked("gone.bank", {"--classes", "cat, sofa"}), 2, "gone.bank");
  expect_error(asked("a.png", {"--classes", "cat, sofa"}), 2, "a.png");
  expect_error(asked("my.bank", {"--classes", "dog, horse"}), 2, "none of the classes");
  expect_error(asked("my.bank:-1", {"--classes", "cat, sofa"}), 2, "0 to 1000");
  expect_error(asked("my.bank", {"--classes", "cat, sofa", "--method", "maskclip"}), 2, "takes no bank");
  expect_error(asked("my.bank", {"--classes", "cat, sofa", "--seed", "other"}), 2, "another network");
  expect_error(build({}), 2, "expected either");
  fs::create_directories(folder_ / "empty");
  expect_error(build({"empty"}), 2, "empty");
}

TEST_F(Answers, DistractorsTakeTheirPixelsAway) {
  picture("a.png", 64, 96, 3);
  const LabelMap all = labels_of({"--classes", "cat, sofa, wall"});
  const LabelMap one = labels_of({"--classes", "cat", "--distractors", "sofa, wall"});
  for (std::size_t i = 0; i < all.labels.size(); ++i)
    ASSERT_EQ(one.labels[i], all.labels[i] == 0 ? 0 : 1) << "what another class would have won is \"other\"";
  const ProcessResult r =
      segment({"a.png"}, {"--classes", "cat", "--distractors", "sofa, wall", "--save", "json"});
  expect_success(r);
  EXPECT_THAT(r.err, HasSubstr("2 other names are looked for too"));
  EXPECT_THAT(r.err, Not(HasSubstr("every pixel becomes")));
  const json answer = json::parse(result("a.json"));
  for (const json& entry : answer["classes"])
    EXPECT_EQ(entry["name"], entry["index"].is_null() ? "other" : "cat");
  expect_error(segment({"a.png"}, {"--classes", "cat", "--distractors", "dog, CAT"}), 2,
               "is one of the classes");
}

TEST_F(Answers, DistractorsAreChosenWhenAskedFor) {
  picture("a.png", 64, 96, 3);
  const ProcessResult chosen = segment({"a.png"}, {"--classes", "animal, wall", "--distractors", "auto"});
  expect_success(chosen);
  EXPECT_THAT(chosen.err, HasSubstr("other names are looked for too"));
  // Random weights know nothing: there, nothing is chosen unasked.
  const ProcessResult usual = segment({"a.png"}, {"--classes", "animal, wall"});
  EXPECT_THAT(usual.err, Not(HasSubstr("are looked for too")));
}

TEST_F(Answers, TechniquesAreComparedOnTheUsersOwnData) {
  dataset();
  expect_success(build({"set"}));
  const std::vector<std::string> sweep{"evaluate", "--dataset", "set",     "--model", "formula:tiny",
                                       "--sweep",  "--bank",    "my.bank", "--quiet"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = sweep;
    all.insert(all.end(), more.begin(), more.end());
    return san(all);
  };
  const ProcessResult r = with({"--json", "--output", "out", "--window", "48"});
  ASSERT_EQ(r.code, 0) << r.err;
  const json got = json::parse(r.out);
  EXPECT_EQ(got["images"], 2);
  std::set<std::string> names;
  for (const json& row : got["rows"]) names.insert(row["name"].get<std::string>());
  for (const char* name :
       {"words alone", "refined", "bank", "bank, refined", "mirrored too", "windows of 48"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(names.contains("--tta"));
  EXPECT_EQ(got, json::parse(result("sweep.json")));
  EXPECT_TRUE(fs::exists(folder_ / "out/sweep.html"));
  // The first row is what evaluating alone says.
  const ProcessResult alone =
      san({"evaluate", "--dataset", "set", "--model", "formula:tiny", "--json", "--quiet"});
  expect_success(alone);
  EXPECT_EQ(got["rows"][0]["mIoU"]["value"], json::parse(alone.out)["miou"]);
  EXPECT_GT(json::parse(alone.out)["calibration"]["pixels"], 0);
  const ProcessResult half = with({"--shard", "1/2", "--json"});
  expect_success(half);
  EXPECT_EQ(json::parse(half.out)["images"], 1);
  expect_error(with({"--check"}), 2, "leave out");
  expect_error(with({"--min-score", "0.5"}), 2, "--min-score");
}

TEST_F(Answers, WordsAreLookedAtBeforeAnyPicture) {
  const std::vector<std::string> words{"words", "--model", "default", "--classes",
                                       "car, automobile, cat, quasar"};
  const ProcessResult text = san(words);
  expect_success(text);
  EXPECT_THAT(text.out, HasSubstr("'car' and 'automobile' are near-synonyms"));
  EXPECT_THAT(text.out, HasSubstr("'quasar' is not among the names that the model is at home with"));
  EXPECT_THAT(text.out, Not(HasSubstr("'cat' is not among")));

  // A dictionary of one word, in WordNet's form.
  fs::create_directories(folder_ / "dict");
  write_file(folder_ / "dict/index.noun", "car n 1 0 1 0 00000000  \n");
  write_file(
      folder_ / "dict/data.noun",
      "00000000 06 n 03 car 0 motorcar 0 a_vehicle_with_a_very_long_name 0 000 | with four wheels  \n");
  std::vector<std::string> asked = words;
  asked.insert(asked.end(), {"--suggest", "--json", "--wordnet", "dict"});
  const ProcessResult r = san(asked);
  expect_success(r);
  const json got = json::parse(r.out);
  EXPECT_EQ(got["near"][0]["names"], json({"car", "automobile"}));
  const json& car = got["suggestions"][0];
  EXPECT_EQ(car["meaning"], "with four wheels");
  ASSERT_EQ(car["names"].size(), 1u);
  EXPECT_EQ(car["names"][0]["name"], "motorcar");
  EXPECT_TRUE(got["suggestions"][2]["names"].empty()) << "a cat is not in this dictionary";
  asked.back() = "gone";
  expect_error(san(asked), 2, "apt install wordnet-base");
}

TEST_F(Answers, WhatScoresTooLittleIsOther) {
  picture("a.png", 64, 96, 3);
  const LabelMap all = labels_of({"--classes", "cat, sofa, wall"});
  const LabelMap sure = labels_of({"--classes", "cat, sofa, wall", "--min-score", "1"});
  std::size_t others = 0;
  for (std::size_t i = 0; i < all.labels.size(); ++i) {
    ASSERT_TRUE(sure.labels[i] == all.labels[i] || sure.labels[i] == 3);
    others += sure.labels[i] == 3 ? 1 : 0;
  }
  EXPECT_GT(others, 0u);
  EXPECT_LT(others, all.labels.size());
  expect_error(segment({"a.png"}, {"--classes", "cat", "--min-score", "2"}), 2, "--min-score");
}

TEST_F(Answers, ScoresBecomeProbabilitiesByACurveOfTheModelsOwn) {
  dataset();
  const auto evaluated = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"evaluate",     "--dataset", "set",    "--model",
                                 "formula:tiny", "--json",    "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    return san(all);
  };
  const ProcessResult found = evaluated({"--calibrate", "tiny.json"});
  ASSERT_EQ(found.code, 0) << found.err;
  EXPECT_THAT(found.err, HasSubstr("written: tiny.json"));
  EXPECT_FALSE(json::parse(found.out)["calibration"].contains("curve"));
  const ProcessResult with = evaluated({"--calibration", "tiny.json"});
  expect_success(with);
  const json calibration = json::parse(with.out)["calibration"];
  EXPECT_LT(calibration["expected_error_of_probabilities"], calibration["expected_error"]);
  EXPECT_EQ(json::parse(with.out)["miou"], json::parse(found.out)["miou"]) << "labels stay as they are";

  picture("a.png", 64, 96, 3);
  const ProcessResult r = segment({"a.png"}, {"--classes", "cat, sofa, wall", "--calibration", "tiny.json",
                                              "--save", "json", "--min-score", "0.999"});
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("right at best"));
  const json told = json::parse(result("a.json"));
  EXPECT_EQ(told["calibration"]["a"], calibration["curve"]["a"]);
  ASSERT_EQ(told["classes"].size(), 1u);
  EXPECT_EQ(told["classes"][0]["name"], "other");
  EXPECT_LE(told["classes"][0]["mean_probability"], told["calibration"]["a"]);

  const auto refused = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"--classes", "cat, sofa"};
    all.insert(all.end(), more.begin(), more.end());
    return segment({"a.png"}, all);
  };
  expect_error(refused({"--calibration", "tiny.json", "--seed", "other"}), 2, "another network");
  expect_error(refused({"--calibration", "a.png"}), 2, "a.png");
  expect_error(evaluated({"--calibrate", "x.json", "--method", "maskclip"}), 2, "maskclip");
  expect_error(evaluated({"--calibrate", "x.json", "--check"}), 2, "leave out");
  EXPECT_FALSE(fs::exists(folder_ / "x.json"));
}

TEST_F(Answers, ClassesAreAskedForByOtherNamesToo) {
  picture("a.png", 64, 96, 3);
  const auto said = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all{"--save", "labels"};
    all.insert(all.end(), more.begin(), more.end());
    return segment({"a.png"}, all);
  };
  const ProcessResult auto_names = said({"--label-set", "voc-20", "--synonyms", "auto"});
  expect_success(auto_names);
  EXPECT_THAT(auto_names.err, HasSubstr("13 of 20 classes are asked for by other names too"));
  EXPECT_NE(labels_of({"--label-set", "voc-20", "--synonyms", "auto"}), labels_of({"--label-set", "voc-20"}));
  // What a person may write is the same.
  EXPECT_EQ(
      labels_of({"--classes", "cat, sofa|couch|settee", "--distractors", "none"}),
      labels_of({"--classes", "cat, sofa|couch|settee", "--distractors", "none", "--synonyms", "none"}));
  expect_error(said({"--classes", "cat, sofa", "--synonyms", "auto"}), 2, "write yours as \"sofa|couch\"");
}

TEST_F(Answers, RefinementKeepsTheClasses) {
  picture("a.png", 64, 96, 3);
  const LabelMap before = labels_of({"--classes", "cat, sofa, wall"});
  const LabelMap after = labels_of({"--classes", "cat, sofa, wall", "--refine"});
  EXPECT_NE(after, before);
  const std::set<Label> had(before.labels.begin(), before.labels.end());
  for (const Label label : after.labels) ASSERT_TRUE(had.contains(label));
}

}  // namespace
}  // namespace san::testing
