#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "hub/catalog.h"
#include "hub/reference.h"
#include "hub/store.h"
#include "support/files.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

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
  EXPECT_EQ(parse_reference("hf:o/r/f.pt@refs/pr/1").url, "https://huggingface.co/o/r/resolve/refs%2Fpr%2F1/f.pt");
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
  for (const char* text : {"hf:owner", "hf:owner/repo", "hf:owner/repo/", "hf:../repo/f", "hf:o/r/../../f", "hf:o/r/f@",
                           "hf:o/r/f?x", "nothing", "", "https://", "https://user:secret@host/f", "hf:o/r/f\n",
                           "https://host/\x1b[31m", "hf:o/r/f@../x"})
    EXPECT_NE(error_of(text), "") << text;
  EXPECT_NE(error_of("https://host/" + std::string(5000, 'a')), "");
  for (const char c : error_of("https://host/\x1b[31m")) EXPECT_GE(c, 0x20);
}

TEST(Reference, RedirectsAreResolved) {
  EXPECT_EQ(resolve_url("https://a/b/c?d", "https://x/y"), "https://x/y");
  EXPECT_EQ(resolve_url("https://a:1/b/c?d", "/y?z"), "https://a:1/y?z");
  EXPECT_EQ(resolve_url("https://a/b/c?d", "y"), "https://a/b/y");
  EXPECT_EQ(resolve_url("https://a/b/c", "//x/y"), "https://x/y");
  EXPECT_EQ(resolve_url("https://a", "y"), "https://a/y");
  EXPECT_EQ(origin_of("HTTPS://Host/x"), "https://host:443");
  EXPECT_NE(origin_of("https://host/x"), origin_of("http://host:443/x"));
}

TEST(Reference, FileNamesHoldNothingThatAFolderWouldUnderstand) {
  EXPECT_EQ(file_name_for("hf:owner/repo/tiny.pth"), "hf_owner--repo--tiny.pth");
  EXPECT_EQ(file_name_for("../x"), "_..--x");
}

TEST(Catalog, EveryEntryCanBeAskedFor) {
  EXPECT_NE(find_in_catalog("san-vit-b-16"), nullptr);
  EXPECT_EQ(find_in_catalog("none"), nullptr);
  for (const CatalogEntry& e : catalog()) {
    for (const CatalogFile* file : {&e.weights, &e.merges}) {
      EXPECT_EQ(parse_reference(file->from).text, file->from) << e.name;
      EXPECT_TRUE(file->sha256.empty() || file->sha256.size() == 64) << e.name;
    }
    EXPECT_GT(e.megabytes, 0);
    EXPECT_FALSE(e.license.empty() || e.license_url.empty() || e.title.empty()) << e.name;
  }
}

class Store : public ::testing::Test {
 protected:
  StoredModel put(const std::string& name) {
    fs::create_directories(store_.downloads());
    std::ofstream(store_.model_path(name)) << "model";
    StoredModel m;
    m.name = name;
    m.license = "MIT";
    m.weights = {"hf:o/r/f", "https://h/f", "abc", std::string(64, '0'), 5};
    store_.keep(m);
    return m;
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
  EXPECT_EQ(stored_model_path("hf:o/r/f", store_), store_.model_path("hf:o/r/f"));
}

TEST_F(Store, SaysWhichCommandFetchesWhatIsNotThere) {
  EXPECT_EQ(stored_model_path("some-file.safetensors", store_), std::nullopt);
  try {
    stored_model_path("san-vit-b-16", store_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("san pull san-vit-b-16"));
    EXPECT_THAT(e.what(), HasSubstr("632 MB"));
  }
}

TEST_F(Store, PruningLeavesModelsAndWhatSomebodyIsAt) {
  put("kept");
  put("gone");
  fs::remove(store_.model_path("gone"));
  std::ofstream(store_.downloads() / "busy.weights.part") << "12345";
  std::ofstream(store_.downloads() / "left.weights.part") << "123";
  const StoreLock lock(store_, "busy", [] { FAIL(); }, [] { return false; });
  const auto pruned = store_.prune();
  EXPECT_THAT(pruned.removed, ::testing::UnorderedElementsAre(store_.lock_path("gone"), store_.downloads() / "left.weights.part"));
  EXPECT_GT(pruned.bytes, 3);
  EXPECT_TRUE(store_.holds("kept"));
  EXPECT_TRUE(fs::exists(store_.downloads() / "busy.weights.part"));
}

TEST_F(Store, ADamagedRecordIsSaid) {
  put("m");
  std::ofstream(store_.lock_path("m")) << "{\"name\": 3}";
  EXPECT_THROW(store_.record("m"), Error);
}

TEST_F(Store, OneAtATime) {
  int waited = 0;
  {
    const StoreLock lock(store_, "m", [&] { ++waited; }, [] { return false; });
    EXPECT_EQ(waited, 0);
    EXPECT_THROW(StoreLock(store_, "m", [&] { ++waited; }, [] { return true; }), Error);
    EXPECT_EQ(waited, 1);
    EXPECT_TRUE(fs::exists(folder_ / "m.busy")) << "who gave up waiting must not remove another's lock";
  }
  EXPECT_FALSE(fs::exists(folder_ / "m.busy"));
}

}  // namespace
}  // namespace san
