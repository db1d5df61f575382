#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/safetensors.h"
#include "cli_fixture.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"
#include "text/clip_bpe_for_tests.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

#define NEEDS_GOLDEN(path, name)                                                               \
  const auto path = golden_file(name);                                                         \
  if (!path)                                                                                   \
  GTEST_SKIP() << name                                                                         \
               << " is not at hand: set SAN_GOLDEN_DIR to the folder of the recorded outputs " \
                  "of the authors' code to run this"

class Program : public Cli {};

TEST_F(Program, EveryCommandHelps) {
  const ProcessResult top = san({"--help"});
  expect_success(top);
  for (const char* command : {"segment", "pull", "models", "inspect", "convert", "verify", "bench",
                              "evaluate", "prepare", "world", "train", "pretrain"})
    EXPECT_THAT(top.out, HasSubstr(std::string("\n  ") + command + " "));
  for (const char* command : {"segment", "pull", "models", "inspect", "convert", "verify", "bench",
                              "evaluate", "prepare", "world"}) {
    const ProcessResult r = san({command, "--help"});
    expect_success(r);
    EXPECT_THAT(r.out, HasSubstr("Usage: ")) << command;
    EXPECT_THAT(r.out, HasSubstr("--help")) << command;
  }
  const ProcessResult version = san({"--version"});
  expect_success(version);
  EXPECT_THAT(version.out,
              ::testing::MatchesRegex("san 0\\.1\\.0, commit [0-9a-z]+\ninstruction set: [A-Z0-9_]+\n"
                                      "backends: native, reference.*\n"));
}

TEST_F(Program, InspectDerivesThePaperFiguresFromTheNetworkItself) {
  const ProcessResult text = san({"inspect", "--model", "formula:vit-b-16"});
  expect_success(text);
  EXPECT_THAT(text.out, HasSubstr("8370866")) << "trainable parameters of the published ViT-B/16";
  EXPECT_THAT(text.out, HasSubstr("63.2 G"));
  const ProcessResult machine = san({"inspect", "--model", "formula:vit-b-16", "--json"});
  expect_success(machine);
  const json report = json::parse(machine.out);
  EXPECT_EQ(report["parameters"]["trainable"], 8370866);
  EXPECT_NEAR(report["macs"].get<double>() / 1e9, 63.2, 0.05);
  EXPECT_LT(report["needed_macs"], report["macs"]);
  expect_error(san({"inspect", "--model", "formula:vit-b-16", "--size", "640"}), 2, "HEIGHTxWIDTH");
  expect_error(san({"inspect", "--model", "formula:vit-z-1"}), 2, "vit-z-1");
}

TEST_F(Program, BenchReportsWhatOthersRead) {
  const ProcessResult r = san(
      {"bench", "--model", "formula:tiny", "--size", "96x128", "--threads", "1", "--repeat", "2", "--json"});
  expect_success(r);
  const json report = json::parse(r.out);
  for (const char* key :
       {"total_ms", "macs", "gflops", "peak_gflops", "share_of_peak", "peak_memory_bytes"}) {
    ASSERT_TRUE(report.contains(key)) << key;
    EXPECT_GT(report[key].get<double>(), 0) << key;
  }
  EXPECT_NEAR(report["total_ms"].get<double>(),
              (report["min_ms"].get<double>() + report["max_ms"].get<double>()) / 2, 1e-9)
      << "the median of two is their middle";
  ASSERT_TRUE(report["ops"].is_array());
  std::int64_t macs = 0;
  for (const json& op : report["ops"]) {
    EXPECT_FALSE(op["op"].get<std::string>().empty());
    EXPECT_GE(op["ms"].get<double>(), 0);
    macs += op["macs"].get<std::int64_t>();
  }
  EXPECT_EQ(report["macs"], macs) << "the total is the sum of its ops";
  EXPECT_GT(report["share_of_best"].get<double>(), 0);
  ASSERT_FALSE(report["shares_of_turns"].empty());
  for (const json& share : report["shares_of_turns"]) EXPECT_GT(share.get<double>(), 0);
  const ProcessResult table =
      san({"bench", "--model", "formula:tiny", "--size", "96x128", "--threads", "1", "--repeat", "1"});
  expect_success(table);
  EXPECT_THAT(table.out, AllOf(HasSubstr("FLOP/byte"), HasSubstr("of peak\n"), HasSubstr("share of peak")));
  const ProcessResult batch = san({"bench", "--model", "formula:tiny", "--size", "96x128", "--threads", "1",
                                   "--repeat", "1", "--batch", "3", "--json"});
  expect_success(batch);
  const json three = json::parse(batch.out);
  EXPECT_EQ(three["macs"], 3 * macs) << "three pictures are computed, each whole";
  EXPECT_GT(three["one_by_one_ms"].get<double>(), 0);
}

TEST_F(Program, BenchOfTextComparesSharedBeginningsWithPromptsAlone) {
  const auto bench = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"bench", "--text",   "--model", "formula:tiny",  "--threads",
                                       "1",     "--repeat", "2",       "--class-count", "9"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return san(arguments);
  };
  const ProcessResult r = bench({"--json"});
  expect_success(r);
  const json report = json::parse(r.out);
  for (const char* key : {"ms_per_prompt", "unshared_ms_per_prompt", "sharing_speedup", "peak_gflops",
                          "share_of_peak", "unshared_share_of_peak", "peak_memory_bytes"}) {
    ASSERT_TRUE(report.contains(key)) << key;
    EXPECT_GT(report[key].get<double>(), 0) << key;
  }
  EXPECT_FALSE(report["processor"].get<std::string>().empty());
  EXPECT_EQ(report["prompts"], 9 * 14);
  EXPECT_GT(report["unshared_macs"].get<double>(), 2 * report["macs"].get<double>());
  EXPECT_LT(report["max_difference"].get<double>(), 2e-6);  // float32 rounding of values up to 1
  const ProcessResult table = bench({"--templates", "single", "--label-set", "voc-20"});
  expect_success(table);
  EXPECT_THAT(table.out, AllOf(HasSubstr("9 prompts of voc-20"), HasSubstr("times as fast")));
  expect_error(bench({"--label-set", "words"}), 2, "words");
  expect_error(bench({"--training"}), 2, "--training");
}

TEST_F(Program, ModelsThatCannotBeUsedAreNamed) {
  picture("a.png", 32, 32);
  const auto with_model = [&](const std::string& model) {
    return segment({"a.png"}, {"--classes", "cat", "--model", model});
  };
  expect_error(with_model("none.safetensors"), 2, "none.safetensors");
  write_file(folder_ / "text.safetensors", "hello");
  expect_error(with_model("text.safetensors"), 2, "text.safetensors");
  fs::create_directory(folder_ / "folder");
  expect_error(with_model("folder"), 2, "folder");
  EXPECT_THAT(results(), ::testing::IsEmpty());
  expect_error(san({"convert", "none.pth", "--output", "m.safetensors"}), 2, "none.pth");
  expect_error(san({"convert", "a.png", "--output", "m.safetensors"}), 2, "a.png");
  EXPECT_FALSE(fs::exists(folder_ / "m.safetensors"));
}

class Convert : public Cli {
 protected:
  Convert() { write_file(folder_ / "merges.txt", "#version: 0.2\nc a\nca t</w>\n"); }

  ProcessResult convert(const fs::path& input, const std::vector<std::string>& more = {},
                        const std::string& bpe = "merges.txt") const {
    // Shapes do not tell into how many heads the tiny network's widths are cut.
    std::vector<std::string> arguments{
        "convert", input.string(), "--output", "m.safetensors", "--bpe", bpe,
        "--set",   "heads=3",      "--set",    "clip.heads=4",  "--set", "clip.text_heads=2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return san(arguments);
  }
  std::string labels_with(const std::string& model) const {
    expect_success(segment({"a.png"}, {"--classes", "cat, wall, sky", "--save", "labels", "--model", model,
                                       "--distractors", "none"}));
    return result("a.labels.png");
  }
};

TEST_F(Convert, ASanCheckpointRunsAsItsFormula) {
  NEEDS_GOLDEN(checkpoint, "tiny.pth");
  picture("a.png");
  expect_success(convert(*checkpoint));
  const ProcessResult inspected = san({"inspect", "--model", "m.safetensors", "--json", "--size", "96x128"});
  expect_success(inspected);
  const ProcessResult formula = san({"inspect", "--model", "formula:tiny", "--json", "--size", "96x128"});
  expect_success(formula);
  const json got = json::parse(inspected.out), expected = json::parse(formula.out);
  EXPECT_EQ(got["config"], expected["config"]);
  EXPECT_EQ(got["parameters"], expected["parameters"]);
  EXPECT_EQ(got["macs"], expected["macs"]);

  // The same weights and, with the same merges, the same tokens.
  const std::string converted = labels_with("m.safetensors");
  expect_success(
      segment({"a.png"}, {"--classes", "cat, wall, sky", "--save", "labels", "--bpe", "merges.txt"}));
  EXPECT_EQ(result("a.labels.png"), converted);
}

TEST_F(Convert, HalfPrecisionIsHalfTheSizeAndNearlyTheSame) {
  NEEDS_GOLDEN(checkpoint, "tiny.pth");
  picture("a.png");
  expect_success(convert(*checkpoint));
  const auto full_bytes = fs::file_size(folder_ / "m.safetensors");
  labels_with("m.safetensors");
  const LabelMap full = decode_labels(folder_ / "out/a.labels.png");
  expect_success(convert(*checkpoint, {"--fp16"}));
  EXPECT_LT(fs::file_size(folder_ / "m.safetensors"), full_bytes * 6 / 10);
  labels_with("m.safetensors");
  const LabelMap half = decode_labels(folder_ / "out/a.labels.png");
  std::size_t different = 0;
  for (std::size_t i = 0; i < full.labels.size(); ++i) different += full.labels[i] != half.labels[i] ? 1 : 0;
  // Weights move by 2⁻¹¹; only pixels between two classes may change sides.
  EXPECT_LT(different, full.labels.size() / 50);
}

TEST_F(Convert, AClipAloneGetsAnUntrainedAdapter) {
  NEEDS_GOLDEN(clip, "tiny_clip.pt");
  picture("a.png");
  const ProcessResult r =
      san({"convert", clip->string(), "--output", "m.safetensors", "--bpe", "merges.txt", "--set",
           "clip.heads=4", "--set", "clip.text_heads=2", "--set", "short_side=96", "--set", "long_side=384"});
  expect_success(r);
  EXPECT_THAT(r.out, HasSubstr("untrained"));
  labels_with("m.safetensors");
}

TEST_F(Convert, DamagedAndIncompleteCheckpointsLeaveNothingBehind) {
  NEEDS_GOLDEN(checkpoint, "tiny.pth");
  const std::string bytes = read_file(*checkpoint);
  for (const double share : {0.01, 0.5, 0.99}) {
    write_file(folder_ / "cut.pth",
               bytes.substr(0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
    expect_error(convert("cut.pth"), 2, "cut.pth");
    EXPECT_FALSE(fs::exists(folder_ / "m.safetensors"));
  }
  expect_error(san({"convert", checkpoint->string(), "--output", "m.safetensors"}), 2, "--bpe");
  expect_error(convert(*checkpoint, {"--set", "heads=7"}), 2, "heads");
  expect_error(convert(*checkpoint, {"--set", "wings=2"}), 2, "wings");
  expect_error(convert(*checkpoint, {"--set", "clip.layers=5"}), 2, "missing");
  EXPECT_FALSE(fs::exists(folder_ / "m.safetensors"));
  expect_error(san({"convert", "m", "--output", "no/such/folder/m.safetensors"}), 2, "m");

  expect_success(convert(*checkpoint));
  const std::string model = read_file(folder_ / "m.safetensors");
  write_file(folder_ / "cut.safetensors", model.substr(0, model.size() / 2));
  expect_error(san({"inspect", "--model", "cut.safetensors"}), 2, "cut.safetensors");
}

class Verify : public Cli {
 protected:
  // A copy of the golden file with one tensor's values moved far beyond rounding.
  void write_damaged(const fs::path& golden, const std::string& name) {
    const auto file = SafetensorsFile::open(golden);
    std::vector<TensorInfo> tensors;
    for (const std::string& n : file->names()) tensors.push_back({n, file->dtype(n), file->shape(n)});
    write_safetensors(folder_ / "damaged.safetensors", tensors, file->metadata(), [&](const TensorInfo& t) {
      if (t.name != name) return file->load(t.name);
      std::vector<float> values = file->load(t.name).to_f32();
      values[values.size() / 2] += 1;
      return HostArray::from(t.shape, std::move(values));
    });
  }
};

TEST_F(Verify, TheTinyGoldenFileAgreesOnEveryBackend) {
  NEEDS_GOLDEN(golden, "tiny.safetensors");
  for (const char* backend : {"native", "reference", "check"}) {
    std::vector<std::string> arguments{"verify", golden->string(), "--backend", backend, "--threads", "1"};
    if (const fs::path bpe = clip_bpe_path(); !bpe.empty()) {
      arguments.emplace_back("--bpe");
      arguments.push_back(fs::canonical(bpe).string());
    }
    const ProcessResult r = san(arguments);
    expect_success(r);
    EXPECT_THAT(r.out, HasSubstr("label_map")) << backend;
    EXPECT_THAT(r.out, ::testing::Not(HasSubstr("FAIL"))) << backend;
  }
}

TEST_F(Verify, Bf16HasItsOwnBound) {
  NEEDS_GOLDEN(golden, "tiny.safetensors");
  const auto verify = [&](const std::string& factor) {
    return san(
        {"verify", golden->string(), "--precision", "bf16", "--noise-factor", factor, "--threads", "1"});
  };
  const ProcessResult r = verify("1");
  if (r.code == 2) return expect_error(r, 2, "AVX-512 BF16");
  expect_success(r);
  EXPECT_EQ(verify("0.1").code, 1) << "it is bfloat16 that was computed, and the bound is near what it costs";
}

TEST_F(Verify, AWrongValueFails) {
  NEEDS_GOLDEN(golden, "tiny.safetensors");
  write_damaged(*golden, "mask_preds");
  const ProcessResult r = san({"verify", "damaged.safetensors", "--threads", "1"});
  EXPECT_EQ(r.code, 1) << r.err;
  bool named = false;
  for (const std::string& line : lines_of(r.out)) {
    const bool failed = line.find("FAIL") != std::string::npos;
    EXPECT_EQ(failed, line.starts_with("mask_preds ")) << line;
    named = named || failed;
  }
  EXPECT_TRUE(named);
}

TEST_F(Verify, WhatIsNoGoldenFileIsNamed) {
  write_file(folder_ / "text.safetensors", "hello");
  expect_error(san({"verify", "text.safetensors"}), 2, "text.safetensors");
  expect_error(san({"verify", "none.safetensors"}), 2, "none.safetensors");
  write_safetensors(folder_ / "other.safetensors", {{"x", DType::kF32, {1}}}, {},
                    [](const TensorInfo& t) { return HostArray::from(t.shape, {1.0f}); });
  expect_error(san({"verify", "other.safetensors"}), 2, "other.safetensors");
}

// From the authors' checkpoint format to the authors' labels, through nothing but the command line.
TEST_F(Convert, ThenSegmentGivesTheAuthorsLabels) {
  NEEDS_GOLDEN(checkpoint, "tiny.pth");
  NEEDS_GOLDEN(golden, "tiny.safetensors");
  const fs::path bpe = clip_bpe_path();
  if (bpe.empty()) GTEST_SKIP() << kClipBpeMissing;
  const auto file = SafetensorsFile::open(*golden);
  const Shape shape = file->shape("image_raw");
  Image image(static_cast<int>(shape[0]), static_cast<int>(shape[1]));
  std::ranges::transform(file->load("image_raw").to_i64(), image.rgb.begin(),
                         [](std::int64_t v) { return static_cast<std::uint8_t>(v); });
  write_png(folder_ / "a.png", image);
  expect_success(convert(*checkpoint, {}, fs::canonical(bpe).string()));
  std::string names;
  for (const std::string name : json::parse(file->metadata("vocabulary")))
    names += (names.empty() ? "" : ", ") + name;
  expect_success(segment({"a.png"}, {"--classes", names, "--save", "labels", "--model", "m.safetensors",
                                     "--distractors", "none"}));
  const LabelMap labels = decode_labels(folder_ / "out/a.labels.png");
  const std::vector<std::int64_t> expected = file->load("label_map").to_i64();
  const std::vector<float> margin = file->load("label_margin").to_f32();
  ASSERT_EQ(labels.labels.size(), expected.size());
  // The authors' own float32 noise in the scores is 1.2e-5; nearer ties may fall either way.
  for (std::size_t p = 0; p < expected.size(); ++p)
    if (margin[p] > 20 * 1.23e-5f) {
      ASSERT_EQ(labels.labels[p], expected[p]) << "pixel " << p;
    }
}

}  // namespace
}  // namespace san::testing
