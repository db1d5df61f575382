// `san pull` and `san models` as users meet them, against a hub on this machine.
#include <nlohmann/json.hpp>
#include <thread>

#include "base/hash.h"
#include "cli/cli_fixture.h"
#include "support/http_server.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A complete model file in our own format.
const fs::path kModel = fs::path(SAN_SOURCE_DIR) / "models/default.safetensors";

class PullTest : public Cli {
 protected:
  PullTest()
      : hub_([this](const HttpServer::Request& r, HttpServer::Connection& c) { answer(r, c); }) {
    files_["small.safetensors"] = read_file(kModel);
  }
  void answer(const HttpServer::Request& r, HttpServer::Connection& c) {
    const std::string prefix = "/owner/repo/resolve/main/";
    const std::string name = r.target.starts_with(prefix) ? r.target.substr(prefix.size()) : "";
    if (!files_.contains(name)) return c.answer(404, {"X-Error-Code: EntryNotFound"}, "", r.method == "HEAD");
    const std::string digest = lie_ ? std::string(64, '0') : Sha256().update(files_.at(name)).hex();
    answer_with_ranges(r, c, files_.at(name), {"X-Linked-Etag: \"" + digest + "\"", "X-Repo-Commit: c0ffee"});
  }
  ProcessResult pull(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"pull", "--quiet"});
    return run(std::move(arguments));
  }
  ProcessResult run(std::vector<std::string> arguments, const std::map<std::string, std::string>& more = {}) const {
    arguments.insert(arguments.begin(), SAN_PROGRAM);
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = {{"SAN_CACHE_DIR", (folder_ / "cache").string()},
                           {"SAN_MODELS_DIR", store().string()},
                           {"HF_ENDPOINT", hub_.address()}};
    for (const auto& [name, value] : more) options.environment[name] = value;
    return run_process(arguments, options);
  }
  fs::path store() const { return folder_ / "models"; }

  std::map<std::string, std::string> files_;
  bool lie_ = false;
  HttpServer hub_;
};

TEST_F(PullTest, AfterItTheNameIsAModel) {
  const std::string name = "hf:owner/repo/small.safetensors";
  const ProcessResult before = run({"inspect", "--model", name});
  expect_error(before, 2, "san pull " + name);
  EXPECT_THAT(hub_.requests(), IsEmpty()) << "nothing is fetched unasked";

  const ProcessResult pulled = pull({name});
  expect_success(pulled);
  EXPECT_THAT(pulled.out, HasSubstr("--model " + name));
  EXPECT_THAT(files_below(store()), ::testing::UnorderedElementsAre("hf_owner--repo--small.safetensors.safetensors",
                                                                    "hf_owner--repo--small.safetensors.lock.json"));
  picture("a.png");
  expect_success(run({"segment", "a.png", "--model", name, "--classes", "cat, sky", "--save", "labels", "--quiet"}));

  const auto asked = hub_.requests().size();
  const ProcessResult again = pull({name});
  expect_success(again);
  EXPECT_THAT(again.out, HasSubstr("is there already"));
  EXPECT_EQ(hub_.requests().size(), asked);
}

TEST_F(PullTest, TheLockFileSaysWhatWasFetchedAndHoldsTheHubToIt) {
  expect_success(pull({"hf:owner/repo/small.safetensors", "--as", "small"}));
  const json lock = json::parse(read_file(store() / "small.lock.json"));
  EXPECT_EQ(lock["weights"]["sha256"], Sha256().update(files_["small.safetensors"]).hex());
  EXPECT_EQ(lock["weights"]["revision"], "c0ffee");
  EXPECT_EQ(lock["weights"]["from"], "hf:owner/repo/small.safetensors");
  EXPECT_EQ(lock["model_sha256"], lock["weights"]["sha256"]) << "a model file is kept as it is";

  fs::remove(store() / "small.safetensors");
  files_["small.safetensors"] += " ";
  const ProcessResult changed = pull({"hf:owner/repo/small.safetensors", "--as", "small"});
  expect_error(changed, 2, "small.lock.json");
  EXPECT_FALSE(fs::exists(store() / "small.safetensors"));
}

TEST_F(PullTest, ALyingDigestLeavesNothing) {
  lie_ = true;
  expect_error(pull({"hf:owner/repo/small.safetensors"}), 2, "hf:owner/repo/small.safetensors");
  EXPECT_THAT(files_below(store()), IsEmpty());
}

TEST_F(PullTest, WhatIsNotThereIsSaid) {
  expect_error(pull({"hf:owner/repo/none.pth"}), 2, "no file none.pth at revision main");
  expect_error(pull({"nothing"}), 2, "san-vit-b-16");
  expect_error(pull({"http://example.org/x.pth"}), 2, "anyone on the way");
  expect_error(run({"segment", "a.png", "--model", "san-vit-b-16", "--classes", "cat"}), 2, "san pull san-vit-b-16");
}

TEST_F(PullTest, WhatIsNoModelIsNotKept) {
  files_["odd.pth"] = read_file(fs::path(SAN_SOURCE_DIR) / "tests/data/checkpoint/odd_zip.pth");
  write_file(folder_ / "merges.txt", "#version: 0.2\na b\n");
  const ProcessResult r = pull({"hf:owner/repo/odd.pth", "--bpe", "merges.txt"});
  EXPECT_EQ(r.code, 2) << r.err;
  EXPECT_FALSE(fs::exists(store() / "hf_owner--repo--odd.pth.safetensors"));
  EXPECT_FALSE(fs::exists(store() / "hf_owner--repo--odd.pth.lock.json"));
  expect_error(pull({"hf:owner/repo/odd.pth"}), 2, "--bpe");
}

TEST_F(PullTest, TwoAtOnceFetchOnce) {
  ProcessResult one, two;
  std::thread other([&] { one = pull({"hf:owner/repo/small.safetensors"}); });
  two = pull({"hf:owner/repo/small.safetensors"});
  other.join();
  expect_success(one);
  expect_success(two);
  const auto all = hub_.requests();
  EXPECT_EQ(std::ranges::count_if(all, [](const auto& r) { return r.method == "GET"; }), 1);
}

TEST_F(PullTest, OfflineMeansOffline) {
  expect_error(run({"pull", "hf:owner/repo/small.safetensors"}, {{"HF_HUB_OFFLINE", "1"}}), 2, "HF_HUB_OFFLINE");
  EXPECT_THAT(hub_.requests(), IsEmpty());
}

TEST_F(PullTest, TheListSaysWhatIsHere) {
  const ProcessResult none = run({"models"});
  expect_success(none);
  EXPECT_THAT(none.out, HasSubstr("san-vit-l-14"));
  EXPECT_FALSE(fs::exists(store())) << "looking creates nothing";
  expect_success(pull({"hf:owner/repo/small.safetensors", "--as", "mine"}));
  const json list = json::parse(run({"models", "--json"}).out);
  const auto mine = std::ranges::find_if(list, [](const json& m) { return m["name"] == "mine"; });
  ASSERT_NE(mine, list.end());
  EXPECT_EQ((*mine)["here"], true);
  EXPECT_EQ((*mine)["bytes"], files_["small.safetensors"].size());
  write_file(store() / "downloads/left.weights.part", "12345");
  EXPECT_THAT(run({"models", "--prune"}).out, HasSubstr("left.weights.part"));
  EXPECT_THAT(files_below(store()), ::testing::UnorderedElementsAre("mine.safetensors", "mine.lock.json"));
}

TEST_F(PullTest, TheAuthorsCheckpointBecomesAModel) {
  const auto checkpoint = golden_file("open/tiny.pth");
  const char* const merges = std::getenv("SAN_CLIP_BPE");
  const fs::path beside = fs::path(SAN_SOURCE_DIR) / "../shared/clip/bpe_simple_vocab_16e6.txt.gz";
  const fs::path bpe = merges != nullptr ? fs::path(merges) : beside;
  if (!checkpoint || !fs::exists(bpe)) GTEST_SKIP() << "needs the recorded checkpoint tiny.pth and CLIP's merges";
  files_["tiny.pth"] = read_file(*checkpoint);
  const ProcessResult r = pull({"hf:owner/repo/tiny.pth", "--bpe", bpe.string(), "--set", "heads=3", "--set", "clip.text_heads=2"});
  expect_success(r);
  expect_success(run({"inspect", "--model", "hf:owner/repo/tiny.pth"}));
}

}  // namespace
}  // namespace san::testing
