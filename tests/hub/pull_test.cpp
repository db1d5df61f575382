// `san pull` and `san models` as users meet them, against a hub on this machine.
#include <sys/types.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/hash.h"
#include "checkpoint/formula.h"
#include "checkpoint/safetensors.h"
#include "cli/cli_fixture.h"
#include "model/san.h"
#include "support/http_server.h"
#include "text/clip_bpe_for_tests.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Request = HttpServer::Request;
using Connection = HttpServer::Connection;

const std::string kModel = "hf:owner/repo/small.safetensors";  // of our own format
const std::string kCheckpoint = "hf:owner/repo/tiny.safetensors";
// Shapes do not tell into how many heads the tiny network's widths are cut.
const std::vector<std::string> kHowToRead{"--bpe", "merges.txt",   "--set", "heads=3",
                                          "--set", "clip.heads=4", "--set", "clip.text_heads=2"};

// The smallest network as a checkpoint of the authors' names.
std::string tiny_checkpoint(const fs::path& scratch) {
  const FormulaSource source(declare_parameters(SanConfig::tiny()), "", "tiny");
  std::vector<TensorInfo> tensors;
  for (const std::string& name : source.names()) tensors.push_back({name, DType::kF32, source.shape(name)});
  write_safetensors(scratch, tensors, {}, [&](const TensorInfo& t) { return source.load(t.name); });
  const std::string bytes = read_file(scratch);
  fs::remove(scratch);
  return bytes;
}

class PullTest : public Cli {
 protected:
  PullTest() : hub_([this](const Request& r, Connection& c) { answer(r, c); }) {
    write_file(folder_ / "merges.txt", "#version: 0.2\nc a\nca t</w>\n");
    files_["tiny.safetensors"] = tiny_checkpoint(folder_ / "scratch");
    files_["small.safetensors"] = model_of(files_["tiny.safetensors"]);
  }
  std::string model_of(const std::string& checkpoint) const {
    write_file(folder_ / "scratch", checkpoint);
    std::vector<std::string> arguments{"convert", "scratch", "--output", "model"};
    arguments.insert(arguments.end(), kHowToRead.begin(), kHowToRead.end());
    expect_success(run(arguments));
    const std::string model = read_file(folder_ / "model");
    for (const char* file : {"scratch", "model"}) fs::remove(folder_ / file);
    return model;
  }
  void answer(const Request& r, Connection& c) {
    const std::string prefix = "/owner/repo/resolve/main/";
    const std::string name = r.target.starts_with(prefix) ? r.target.substr(prefix.size()) : "";
    if (!files_.contains(name)) return c.answer(404, {"X-Error-Code: EntryNotFound"}, "", r.method == "HEAD");
    const std::string& bytes = files_.at(name);
    const std::string digest = lie_ ? std::string(64, '0') : Sha256().update(bytes).hex();
    const std::vector<std::string> headers{"X-Linked-Etag: \"" + digest + "\"", "X-Repo-Commit: c0ffee",
                                           "X-Linked-Size: " + std::to_string(bytes.size())};
    if (in_the_middle_ && r.method == "GET") {
      c.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" +
             bytes.substr(0, bytes.size() / 2));
      return in_the_middle_();
    }
    answer_with_ranges(r, c, bytes, headers);
  }
  std::map<std::string, std::string> environment() const {
    return {{"SAN_CACHE_DIR", (folder_ / "cache").string()},
            {"SAN_MODELS_DIR", store().string()},
            {"HF_ENDPOINT", hub_.address()},
            {"HF_HUB_OFFLINE", "0"},
            {"HF_TOKEN", ""},
            {"http_proxy", ""}};
  }
  ProcessResult run(std::vector<std::string> arguments,
                    const std::map<std::string, std::string>& more = {}) const {
    arguments.insert(arguments.begin(), SAN_PROGRAM);
    ProcessOptions options{folder_.path(), environment()};
    for (const auto& [name, value] : more) options.environment[name] = value;
    return run_process(arguments, options);
  }
  ProcessResult pull(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"pull", "--quiet"});
    return run(std::move(arguments));
  }
  ProcessResult pull_checkpoint(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{kCheckpoint};
    arguments.insert(arguments.end(), kHowToRead.begin(), kHowToRead.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return pull(arguments);
  }
  std::string labels_with(const std::vector<std::string>& model) const {
    std::vector<std::string> arguments{"segment",        "a.png",         "--classes",
                                       "cat, wall, sky", "--save",        "labels",
                                       "--quiet",        "--distractors", "none"};
    arguments.insert(arguments.end(), model.begin(), model.end());
    expect_success(run(arguments));
    return result("a.labels.png");
  }
  bool something_arrived() const {
    const std::vector<std::string> files = stored();
    return std::ranges::any_of(files, [&](const std::string& file) {
      return file.ends_with(".part") && fs::file_size(store() / file) > 0;
    });
  }
  std::ptrdiff_t gets() const {
    const auto all = hub_.requests();
    return std::ranges::count_if(all, [](const Request& r) { return r.method == "GET"; });
  }
  fs::path store() const { return folder_ / "models"; }
  std::vector<std::string> stored() const { return files_below(store()); }

  std::map<std::string, std::string> files_;
  bool lie_ = false;
  std::function<void()> in_the_middle_;
  HttpServer hub_;
};

TEST_F(PullTest, AfterItTheNameIsAModel) {
  expect_error(run({"inspect", "--model", kModel}), 2, "san pull " + kModel);
  EXPECT_THAT(hub_.requests(), IsEmpty()) << "nothing is fetched unasked";

  const ProcessResult pulled = pull({kModel});
  expect_success(pulled);
  EXPECT_THAT(pulled.out, HasSubstr("--model " + kModel));
  EXPECT_THAT(pulled.err, HasSubstr("licence"));
  EXPECT_THAT(stored(), ElementsAre(::testing::EndsWith(".lock.json"), ::testing::EndsWith(".safetensors")));
  picture("a.png");
  EXPECT_EQ(labels_with({"--model", kModel}),
            labels_with({"--model", "formula:tiny", "--bpe", "merges.txt"}));

  const auto asked = hub_.requests().size();
  const ProcessResult again = pull({kModel});
  expect_success(again);
  EXPECT_THAT(again.out, HasSubstr("is there already"));
  EXPECT_THAT(again.err, Not(HasSubstr("licence"))) << "shown once";
  EXPECT_EQ(hub_.requests().size(), asked);
}

TEST_F(PullTest, ACheckpointBecomesAModelThatEveryCommandTakes) {
  expect_success(pull_checkpoint({"--as", "tiny"}));
  EXPECT_THAT(stored(), ElementsAre("tiny.lock.json", "tiny.safetensors"));
  picture("a.png");
  const std::string expected = labels_with({"--model", "formula:tiny", "--bpe", "merges.txt"});
  EXPECT_EQ(labels_with({"--model", "tiny"}), expected);
  expect_success(run({"inspect", "--model", "tiny"}));
  expect_success(run({"bench", "--model", "tiny", "--size", "96x128", "--threads", "1", "--repeat", "1"}));
  expect_success(run({"convert", "tiny", "--output", "half.safetensors", "--fp16"}));
  EXPECT_LT(fs::file_size(folder_ / "half.safetensors"),
            fs::file_size(store() / "tiny.safetensors") * 6 / 10);
  // A file of that name comes first.
  write_file(folder_ / "tiny", "no model");
  expect_error(run({"inspect", "--model", "tiny"}), 2, "tiny");
}

TEST_F(PullTest, TheLockFileSaysWhatWasFetchedAndHoldsTheHubToIt) {
  expect_success(pull({kModel, "--as", "small"}));
  const json lock = json::parse(read_file(store() / "small.lock.json"));
  EXPECT_EQ(lock["weights"]["sha256"], Sha256().update(files_["small.safetensors"]).hex());
  EXPECT_EQ(lock["weights"]["revision"], "c0ffee");
  EXPECT_EQ(lock["weights"]["from"], kModel);
  EXPECT_EQ(lock["model_sha256"], lock["weights"]["sha256"]) << "a model file is kept as it is";

  files_["small.safetensors"] += " ";
  expect_error(pull({kModel, "--as", "small", "--again"}), 2, "small.lock.json");
  EXPECT_EQ(Sha256().update(read_file(store() / "small.safetensors")).hex(), lock["model_sha256"])
      << "the model that was there stays";
  fs::remove(store() / "small.safetensors");
  expect_error(pull({kModel, "--as", "small"}), 2, "small.lock.json");
  EXPECT_FALSE(fs::exists(store() / "small.safetensors"));
}

TEST_F(PullTest, ALyingDigestLeavesNothing) {
  lie_ = true;
  const ProcessResult r = pull({kModel});
  expect_error(r, 2, kModel + ": what arrived is another file");
  EXPECT_THAT(r.err, HasSubstr(std::string(64, '0')));
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(PullTest, WhatIsNotThereIsSaid) {
  expect_error(pull({"hf:owner/repo/none.safetensors"}), 2, "no file none.safetensors at revision main");
  expect_error(pull({"nothing"}), 2, "san-vit-b-16");
  expect_error(pull({"http://example.org/x.safetensors"}), 2, "anyone on the way");
  expect_error(pull({kModel, "--as", "san-vit-b-16"}), 2, "--as");
  expect_error(pull({kModel, "--as", "../up"}), 2, "--as");
  picture("a.png");
  expect_error(run({"segment", "a.png", "--model", "san-vit-b-16", "--classes", "cat"}), 2,
               "san pull san-vit-b-16");
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(PullTest, WhatIsMissingIsSaidBeforeTheDownload) {
  expect_error(pull({"hf:owner/repo/tiny.pth"}), 2, "--bpe");
  expect_error(pull({"hf:owner/repo/tiny.pth", "--bpe", "none.txt"}), 2, "none.txt");
  EXPECT_THAT(hub_.requests(), IsEmpty());
}

TEST_F(PullTest, WhatIsNoModelIsNotKeptAsOne) {
  files_["odd.pth"] = read_file(fs::path(SAN_SOURCE_DIR) / "tests/data/checkpoint/odd_zip.pth");
  files_["page.safetensors"] = "<html>";
  for (const char* name : {"odd.pth", "page.safetensors"}) {
    const ProcessResult r = pull({std::string("hf:owner/repo/") + name, "--bpe", "merges.txt"});
    expect_error(r, 2, name);
    for (const std::string& file : stored()) EXPECT_TRUE(file.starts_with("downloads/")) << file;
  }
  expect_success(run({"models", "--prune"}));
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(PullTest, AnotherTryWithOtherOptionsFetchesNothingTwice) {
  expect_error(pull({kCheckpoint}), 2, "--bpe");
  EXPECT_EQ(gets(), 1);
  expect_success(pull_checkpoint());
  EXPECT_EQ(gets(), 1);
}

TEST_F(PullTest, TwoAtOnceFetchOnce) {
  ProcessResult one, two;
  std::thread other([&] { one = pull({kModel}); });
  two = pull({kModel});
  other.join();
  expect_success(one);
  expect_success(two);
  EXPECT_EQ(gets(), 1);
  EXPECT_EQ(stored().size(), 2u);
}

TEST_F(PullTest, OfflineMeansOffline) {
  expect_error(run({"pull", kModel}, {{"HF_HUB_OFFLINE", "1"}}), 2, "HF_HUB_OFFLINE");
  EXPECT_THAT(hub_.requests(), IsEmpty());
  expect_success(pull({kModel}));
  expect_success(run({"pull", "--quiet", kModel}, {{"HF_HUB_OFFLINE", "1"}}));
}

TEST_F(PullTest, TheTokenIsSentAndNeverShown) {
  const ProcessResult r = run({"--verbose", "pull", kModel}, {{"HF_TOKEN", "hf_secret\n"}});
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(hub_.requests().at(0).header("authorization"), "Bearer hf_secret");
  EXPECT_THAT(r.out + r.err, Not(HasSubstr("hf_secret")));
  for (const std::string& file : stored())
    if (file.ends_with(".json")) {
      EXPECT_THAT(read_file(store() / file), Not(HasSubstr("hf_secret")));
    }
  expect_error(run({"pull", kModel, "--again"}, {{"HF_TOKEN", "a b"}}), 2, "$HF_TOKEN");
}

TEST_F(PullTest, InterruptedItGoesOnLater) {
  in_the_middle_ = [&] {
    while (!something_arrived()) std::this_thread::yield();
    ::kill(static_cast<pid_t>(std::stol(read_file(folder_ / "pid"))), SIGINT);
  };
  const std::vector<std::string> command{"sh", "-c", "echo $$ > pid; exec \"$0\" pull --quiet \"$1\"",
                                         SAN_PROGRAM, kModel};
  const ProcessResult r = run_process(command, {folder_.path(), environment()});
  expect_error(r, 130, "interrupted");
  for (const std::string& file : stored()) EXPECT_TRUE(file.starts_with("downloads/")) << file;
  in_the_middle_ = nullptr;
  const ProcessResult rest = pull({kModel});
  expect_success(rest);
  EXPECT_THAT(rest.err, Not(HasSubstr("licence"))) << "shown once";
  EXPECT_THAT(hub_.requests().back().header("range"), ::testing::StartsWith("bytes="));
  EXPECT_EQ(stored().size(), 2u);
}

TEST_F(PullTest, ProgressIsPlainLinesWhereThereIsNoTerminal) {
  const ProcessResult r = run({"pull", kModel});
  EXPECT_EQ(r.code, 0);
  EXPECT_THAT(r.err, ::testing::ContainsRegex("small.safetensors [0-9.]+/[0-9.]+ MB in 0:"));
  EXPECT_THAT(r.err, Not(HasSubstr("\r")));
}

TEST_F(PullTest, TheListSaysWhatIsHere) {
  const ProcessResult none = run({"models"});
  expect_success(none);
  for (const char* words : {"san-vit-b-16", "san-vit-l-14", "clip-vit-b-16", "clip-vit-l-14-336", "MIT",
                            "632", "hf:Mendel192/san/san_vit_b_16.pth"})
    EXPECT_THAT(none.out, HasSubstr(words));
  EXPECT_FALSE(fs::exists(store())) << "looking creates nothing";
  expect_success(pull({kModel, "--as", "mine"}));
  const json list = json::parse(run({"models", "--json"}).out);
  const auto mine = std::ranges::find_if(list, [](const json& m) { return m["name"] == "mine"; });
  ASSERT_NE(mine, list.end());
  EXPECT_EQ((*mine)["here"], true);
  EXPECT_EQ((*mine)["bytes"], files_["small.safetensors"].size());
  fs::create_directories(store() / "downloads/left");
  write_file(store() / "downloads/left/weights.part", "12345");
  EXPECT_THAT(run({"models", "--prune"}).out, HasSubstr("left/weights.part"));
  EXPECT_THAT(stored(), UnorderedElementsAre("mine.safetensors", "mine.lock.json"));
}

TEST_F(PullTest, AllHelp) {
  for (const char* command : {"pull", "models"}) {
    const ProcessResult r = run({command, "--help"});
    expect_success(r);
    EXPECT_THAT(r.out, HasSubstr("SAN_MODELS_DIR")) << command;
  }
}

TEST_F(PullTest, TheAuthorsCheckpointBecomesAModel) {
  const auto checkpoint = golden_file("tiny.pth");
  const fs::path bpe = clip_bpe_path();
  if (!checkpoint || bpe.empty()) GTEST_SKIP() << "needs the recorded checkpoint tiny.pth and CLIP's merges";
  files_["tiny.pth"] = read_file(*checkpoint);
  expect_success(pull({"hf:owner/repo/tiny.pth", "--bpe", fs::canonical(bpe).string(), "--set", "heads=3",
                       "--set", "clip.heads=4", "--set", "clip.text_heads=2"}));
  expect_success(run({"inspect", "--model", "hf:owner/repo/tiny.pth"}));
}

}  // namespace
}  // namespace san::testing
