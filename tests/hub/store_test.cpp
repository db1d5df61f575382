#include "hub/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>

#include "base/error.h"
#include "hub/catalog.h"
#include "hub/reference.h"
#include "support/files.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Endpoint {
 public:
  explicit Endpoint(const char* address) { ::setenv("HF_ENDPOINT", address, 1); }
  ~Endpoint() { ::unsetenv("HF_ENDPOINT"); }
};

std::string error_of(const std::string& reference) {
  try {
    parse_reference(reference);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Reference, OfTheHub) {
  const Reference r = parse_reference("hf:owner/repo/folder/tiny.pth");
  EXPECT_EQ(r.repository, "owner/repo");
  EXPECT_EQ(r.file, "folder/tiny.pth");
  EXPECT_EQ(r.url, "https://huggingface.co/owner/repo/resolve/main/folder/tiny.pth");
  EXPECT_EQ(r.host, "huggingface.co");
  EXPECT_EQ(parse_reference("hf:o/r/f.pt@refs/pr/1").url,
            "https://huggingface.co/o/r/resolve/refs%2Fpr%2F1/f.pt");
  const Endpoint mirror("http://127.0.0.1:8000/");
  EXPECT_EQ(parse_reference("hf:o/r/f.pt").url, "http://127.0.0.1:8000/o/r/resolve/main/f.pt");
}

TEST(Reference, AddressesOverPlainHttpAreOfThisMachineOnly) {
  EXPECT_EQ(parse_reference("https://example.org/m.pth").host, "example.org");
  EXPECT_EQ(parse_reference("http://127.0.0.1:9/m.pth").host, "127.0.0.1");
  EXPECT_EQ(parse_reference("file:///tmp/m.pth").host, "this machine");
  EXPECT_THAT(error_of("http://example.org/m.pth"), HasSubstr("anyone on the way"));
  EXPECT_THAT(error_of("ftp://example.org/m.pth"), HasSubstr("ftp"));
  EXPECT_THAT(error_of("file://host/m.pth"), HasSubstr("another machine"));
}

TEST(Reference, RefusesWhatIsNone) {
  for (const char* text : {"hf:owner", "hf:owner/repo", "hf:owner/repo/", "hf:../repo/f", "hf:o/r/../../f",
                           "hf:o/r/f@", "hf:o/r/f?x", "nothing", "", "https://", "https://user:secret@host/f",
                           "hf:o/r/f\n", "https://host/\x1b[31m", "hf:o/r/f@../x"})
    EXPECT_NE(error_of(text), "") << text;
  EXPECT_NE(error_of("https://host/" + std::string(5000, 'a')), "");
  for (const char c : error_of("https://host/\x1b[31m")) EXPECT_GE(c, 0x20);
}

TEST(Reference, AddressesAsTheHubShowsThemAreOfTheHub) {
  for (const char* text : {"https://huggingface.co/owner/repo/blob/main/a/tiny.pth",
                           "https://huggingface.co/owner/repo/resolve/main/a/tiny.pth?download=true"}) {
    const Reference r = parse_reference(text);
    EXPECT_EQ(r.kind, Reference::Kind::kHub);
    EXPECT_EQ(r.url, "https://huggingface.co/owner/repo/resolve/main/a/tiny.pth");
    EXPECT_EQ(r.text, text);
  }
  EXPECT_EQ(parse_reference("https://huggingface.co/owner/repo").kind, Reference::Kind::kUrl);
  EXPECT_EQ(parse_reference("https://huggingface.co.evil/o/r/blob/main/f").kind, Reference::Kind::kUrl);
}

TEST(Reference, WhereATokenMayGo) {
  EXPECT_TRUE(is_private_way("https://example.org/x"));
  EXPECT_TRUE(is_private_way("http://127.0.0.1:80/x"));
  EXPECT_TRUE(is_private_way("http://localhost/x"));
  EXPECT_FALSE(is_private_way("http://example.org/x"));
  EXPECT_FALSE(is_private_way("http://127.0.0.1.example.org/x"));
}

TEST(Reference, FileNamesHoldNothingThatAFolderWouldUnderstand) {
  EXPECT_EQ(file_name_for("san-vit-b-16"), "san-vit-b-16");
  EXPECT_THAT(file_name_for("hf:owner/repo/tiny.pth"), StartsWith("hf_owner--repo--tiny.pth-"));
  EXPECT_THAT(file_name_for("../x"), StartsWith("_..--x-"));
  EXPECT_NE(file_name_for("hf:a/b/c"), file_name_for("hf:a/b@c"));
  EXPECT_LT(file_name_for(std::string(2000, 'a')).size(), 150u);
  EXPECT_NE(file_name_for(std::string(2000, 'a')), file_name_for(std::string(2001, 'a')));
}

TEST(Catalog, EveryEntryCanBeAskedFor) {
  for (const char* name : {"san-vit-b-16", "san-vit-l-14", "clip-vit-b-16", "clip-vit-l-14-336"})
    EXPECT_NE(find_in_catalog(name), nullptr) << name;
  EXPECT_EQ(find_in_catalog("none"), nullptr);
  for (const CatalogEntry& e : catalog()) {
    for (const CatalogFile* file : {&e.weights, &e.merges}) {
      EXPECT_EQ(parse_reference(file->from).text, file->from) << e.name;
      EXPECT_TRUE(file->sha256.empty() || file->sha256.size() == 64) << e.name;
    }
    // OpenAI's addresses carry the digest.
    if (e.weights.from.starts_with("https://openaipublic")) {
      ASSERT_EQ(e.weights.sha256.size(), 64u);
      EXPECT_THAT(e.weights.from, HasSubstr(e.weights.sha256));
    }
    EXPECT_GT(e.megabytes, 0);
    EXPECT_GE(e.model_megabytes, e.megabytes / 2);
    EXPECT_FALSE(e.license.empty() || e.license_url.empty() || e.title.empty()) << e.name;
  }
}

class Store : public ::testing::Test {
 protected:
  StoredModel put(const std::string& name) const {
    std::ofstream(store_.model_path(name)) << "model";
    StoredModel m;
    m.name = name;
    m.license = "MIT";
    m.weights = {"hf:o/r/f", "https://h/f", "abc", std::string(64, '0'), 5};
    store_.keep(m);
    return m;
  }
  void leave(const std::string& name) const {
    fs::create_directories(store_.workshop(name));
    std::ofstream(store_.workshop(name) / "weights.part") << "12345";
  }
  testing::TemporaryFolder folder_;
  ModelStore store_{folder_.path()};
};

TEST_F(Store, RemembersWhatWasFetched) {
  EXPECT_FALSE(store_.holds("hf:o/r/f"));
  const StoredModel m = put("hf:o/r/f");
  ASSERT_TRUE(store_.holds("hf:o/r/f"));
  EXPECT_EQ(store_.record("hf:o/r/f")->weights, m.weights);
  ASSERT_THAT(store_.models(), SizeIs(1));
  EXPECT_EQ(store_.models()[0].name, "hf:o/r/f");
  EXPECT_EQ(model_file_of("hf:o/r/f", store_), store_.model_path("hf:o/r/f"));
}

TEST_F(Store, SaysWhichCommandFetchesWhatIsNotThere) {
  EXPECT_EQ(model_file_of("some-file.safetensors", store_), "some-file.safetensors");
  try {
    model_file_of("san-vit-b-16", store_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("san pull san-vit-b-16"));
    EXPECT_THAT(e.what(), HasSubstr("632 MB"));
  }
  EXPECT_THROW(model_file_of("hf:o/r/f", store_), Error);
  EXPECT_THAT(testing::files_below(folder_.path()), IsEmpty());
}

TEST_F(Store, AFileComesBeforeANameOfTheStore) {
  put("mine");
  const fs::path here = folder_ / "mine";
  std::ofstream(here) << "a file";
  EXPECT_EQ(model_file_of(here.string(), store_), here);
  // A folder is no model.
  fs::remove(here);
  fs::create_directory(here);
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  EXPECT_EQ(model_file_of("mine", store_), store_.model_path("mine"));
  fs::current_path(before);
}

TEST_F(Store, PruningLeavesModelsAndWhatSomebodyIsAt) {
  put("kept");
  put("gone");
  put("busy");
  fs::remove(store_.model_path("gone"));
  fs::remove(store_.model_path("busy"));
  leave("busy");
  leave("left");
  std::ofstream(folder_ / "x.lock.json.tmp-1-0") << "{";
  StoreLock lock(store_.workshop("busy"));
  ASSERT_TRUE(lock.try_lock());
  const auto pruned = store_.prune();
  EXPECT_THAT(pruned.removed,
              ::testing::UnorderedElementsAre(store_.lock_path("gone"), folder_ / "x.lock.json.tmp-1-0",
                                              store_.workshop("left") / "weights.part"));
  EXPECT_GT(pruned.bytes, 6);
  EXPECT_TRUE(store_.holds("kept"));
  EXPECT_TRUE(fs::exists(store_.workshop("busy") / "weights.part"));
  EXPECT_TRUE(fs::exists(store_.lock_path("busy")));
  EXPECT_FALSE(fs::exists(store_.workshop("left")));
}

TEST_F(Store, ADamagedRecordIsSaid) {
  for (const char* text : {"{\"name\": 3}", "", "[]", "{"}) {
    put("m");
    std::ofstream(store_.lock_path("m")) << text;
    EXPECT_THROW(store_.record("m"), Error) << text;
    EXPECT_THAT(store_.models(), IsEmpty());
  }
}

TEST_F(Store, OneAtATime) {
  const fs::path workshop = store_.workshop("m");
  {
    StoreLock first(workshop);
    first.lock([] { FAIL(); }, [] { return false; });
    int waited = 0;
    StoreLock second(workshop);
    EXPECT_THROW(second.lock([&] { ++waited; }, [] { return true; }), Error);
    EXPECT_EQ(waited, 1);
    EXPECT_FALSE(second.try_lock());
  }
  EXPECT_FALSE(fs::exists(workshop)) << "nothing is left in it";
  StoreLock again(workshop);
  EXPECT_TRUE(again.try_lock());
}

TEST_F(Store, WhoWaitedForALockThatWasRemovedGetsANewOne) {
  const fs::path workshop = store_.workshop("m");
  std::atomic<bool> waiting = false;
  auto first = std::make_unique<StoreLock>(workshop);
  ASSERT_TRUE(first->try_lock());
  std::thread other([&] {
    StoreLock second(workshop);
    second.lock([&] { waiting = true; }, [] { return false; });
    EXPECT_TRUE(fs::exists(workshop / "lock"));
  });
  while (!waiting) std::this_thread::yield();
  first.reset();
  other.join();
  EXPECT_FALSE(fs::exists(workshop));
}

}  // namespace
}  // namespace san
