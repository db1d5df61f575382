#include "text/embedding_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using testing::Key;
using testing::UnorderedElementsAre;
using Rows = std::map<std::string, std::vector<float>>;

const EmbeddingScope kScope{"model", "tokenizer", {"a photo of a {}."}, 3};

class EmbeddingCacheTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(directory_); }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path file() const {
    for (const auto& entry : fs::directory_iterator(directory_))
      if (entry.path().extension() == ".embeddings") return entry.path();
    return {};
  }

  void overwrite(std::string_view content) const {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << content;
  }

  const fs::path directory_ =
      fs::path(testing::TempDir()) / ("san_embedding_cache_" + std::to_string(getpid()));
};

TEST_F(EmbeddingCacheTest, ReturnsWhatWasStoredAndNothingElse) {
  EmbeddingCache cache(directory_);
  const std::vector<std::string> names{"cat", "dog", "sky"};
  EXPECT_TRUE(cache.load(kScope, names).empty());
  cache.store(kScope, {{"cat", {1, 2, 3}}});
  cache.store(kScope, {{"dog", {4, 5, 6}}});
  EXPECT_EQ(EmbeddingCache(directory_).load(kScope, names), (Rows{{"cat", {1, 2, 3}}, {"dog", {4, 5, 6}}}));
  cache.store(kScope, {{"cat", {7, 8, 9}}});
  EXPECT_EQ(cache.load(kScope, names).at("cat"), (std::vector<float>{7, 8, 9}));
  EXPECT_THROW(cache.store(kScope, {{"sky", {1}}}), Error);
}

TEST_F(EmbeddingCacheTest, EveryPartOfTheScopeMatters) {
  EmbeddingCache cache(directory_);
  const std::vector<std::string> names{"cat"};
  cache.store(kScope, {{"cat", {1, 2, 3}}});
  for (int part = 0; part < 4; ++part) {
    EmbeddingScope other = kScope;
    if (part == 0) other.model_hash = "other";
    if (part == 1) other.tokenizer_hash = "other";
    if (part == 2) other.templates.push_back("{}");
    if (part == 3) other.dim = 4;
    EXPECT_TRUE(cache.load(other, names).empty()) << part;
  }
}

TEST_F(EmbeddingCacheTest, DamageCostsOnlyTheDamagedEntry) {
  EmbeddingCache cache(directory_);
  const std::vector<std::string> names{"a", "b", "c"};
  const Rows rows{{"a", {1, 0, 0}}, {"b", {0, 1, 0}}, {"c", {0, 0, 1}}};
  cache.store(kScope, rows);
  const std::string whole = read_text_file(file());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    overwrite(damaged);
    const Rows found = cache.load(kScope, names);
    EXPECT_EQ(found.size(), at < 17 ? 0u : 2u) << "byte " << at << "; the first 17 say what the file is";
    for (const auto& [name, values] : found) EXPECT_EQ(values, rows.at(name));
  }
  cache.store(kScope, rows);
  EXPECT_EQ(cache.load(kScope, names), rows) << "damaged entries are written anew";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    overwrite(whole.substr(0, length));
    EXPECT_LT(cache.load(kScope, names).size(), 3u);
  }
}

TEST_F(EmbeddingCacheTest, ProcessesShareItWithoutLoss) {
  constexpr int kProcesses = 4, kRounds = 25;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      EmbeddingCache cache(directory_);
      bool well = true;
      for (int i = 0; i < kRounds; ++i) {
        const std::string name = fmt::format("{} {}", p, i);
        const std::vector<std::string> names{name};
        const std::vector<float> row{static_cast<float>(p), static_cast<float>(i), 0.5f};
        cache.store(kScope, {{name, row}});
        well = well && cache.load(kScope, names)[name] == row;
      }
      _exit(well ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::vector<std::string> names;
  for (int p = 0; p < kProcesses; ++p)
    for (int i = 0; i < kRounds; ++i) names.push_back(fmt::format("{} {}", p, i));
  EXPECT_EQ(EmbeddingCache(directory_).load(kScope, names).size(), names.size());
}

TEST_F(EmbeddingCacheTest, OldestEntriesGoWhenItIsFull) {
  constexpr std::size_t kRecordBytes = 64 + 3 * 4 + 8;
  EmbeddingCache cache(directory_, 2 * kRecordBytes);
  for (const char* name : {"a", "b", "c"}) cache.store(kScope, {{name, {1, 2, 3}}});
  const std::vector<std::string> names{"a", "b", "c"};
  EXPECT_THAT(cache.load(kScope, names), UnorderedElementsAre(Key("b"), Key("c")));
}

TEST_F(EmbeddingCacheTest, StoringCostsWhatItAddsHoweverMuchIsThere) {
  EmbeddingCache cache(directory_);
  cache.store(kScope, {{"first", {1, 2, 3}}});
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(file().c_str(), &before), 0);
  for (int i = 0; i < 50; ++i) cache.store(kScope, {{std::to_string(i), {1, 2, 3}}});
  ASSERT_EQ(::stat(file().c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino) << "the file was written anew instead of appended to";
  EXPECT_EQ(cache.load(kScope, std::vector<std::string>{"first", "0", "49"}).size(), 3u);
}

TEST_F(EmbeddingCacheTest, WhatAnInterruptedWriterLeftDoesNotShiftWhatFollows) {
  EmbeddingCache cache(directory_);
  cache.store(kScope, {{"a", {1, 2, 3}}, {"b", {4, 5, 6}}});
  const std::string whole = read_text_file(file());
  const std::vector<std::string> names{"a", "b", "c"};
  constexpr std::size_t kRecordBytes = 64 + 3 * 4 + 8;
  for (std::size_t lost = 1; lost < kRecordBytes; ++lost) {
    overwrite(whole.substr(0, whole.size() - lost));
    cache.store(kScope, {{"c", {7, 8, 9}}});
    EXPECT_THAT(cache.load(kScope, names), UnorderedElementsAre(Key("a"), Key("c"))) << lost;
    overwrite(whole + whole.substr(whole.size() - lost));
    cache.store(kScope, {{"c", {7, 8, 9}}});
    EXPECT_EQ(cache.load(kScope, names).size(), 3u) << lost;
  }
}

TEST_F(EmbeddingCacheTest, AFullFileKeepsRoomToAppend) {
  constexpr std::size_t kRecordBytes = 64 + 3 * 4 + 8;
  EmbeddingCache cache(directory_, 40 * kRecordBytes);
  for (int i = 0; i < 100; ++i) cache.store(kScope, {{std::to_string(i), {1, 2, 3}}});
  EXPECT_LE(fs::file_size(file()), 40 * kRecordBytes + 17);
  std::vector<std::string> newest;
  for (int i = 70; i < 100; ++i) newest.push_back(std::to_string(i));
  EXPECT_EQ(cache.load(kScope, newest).size(), newest.size());
}

TEST_F(EmbeddingCacheTest, WarnsOnceWhereNothingCanBeWritten) {
  write_file_atomically(directory_, "a file where the directory should be");
  EmbeddingCache cache(directory_);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  cache.store(kScope, {{"a", {1, 2, 3}}});
  cache.store(kScope, {{"a", {1, 2, 3}}});
  const std::string output = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  const std::size_t first = output.find("cannot be kept");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(output.find("cannot be kept", first + 1), std::string::npos);
  EXPECT_TRUE(cache.load(kScope, std::vector<std::string>{"a"}).empty());
}

TEST_F(EmbeddingCacheTest, DirectoryFollowsTheEnvironment) {
  const auto with = [](const char* san, const char* xdg, const char* home) {
    const auto set = [](const char* name, const char* value) {
      value ? setenv(name, value, 1) : unsetenv(name);
    };
    set("SAN_CACHE_DIR", san), set("XDG_CACHE_HOME", xdg), set("HOME", home);
    return EmbeddingCache::default_directory().string();
  };
  const std::string home = std::getenv("HOME") ? std::getenv("HOME") : "";
  EXPECT_EQ(with("/a", "/b", "/c"), "/a");
  EXPECT_EQ(with(nullptr, "/b", "/c"), "/b/san");
  EXPECT_EQ(with("", nullptr, "/c"), "/c/.cache/san");
  EXPECT_EQ(with(nullptr, nullptr, nullptr), "");
  EmbeddingCache nothing{fs::path()};
  nothing.store(kScope, {{"a", {1, 2, 3}}});
  EXPECT_TRUE(nothing.load(kScope, std::vector<std::string>{"a"}).empty());
  setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace san
