#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <numeric>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "base/median.h"
#include "base/temporary_folder.h"
#include "base/thread_pool.h"
#include "base/utf8.h"

namespace {
struct Costly {
  int& printed;
};
}  // namespace

template <>
struct fmt::formatter<Costly> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  auto format(const Costly& value, format_context& context) const {
    return fmt::format_to(context.out(), "{}", ++value.printed);
  }
};

namespace san {
namespace {

TEST(Require, MakesTextOnlyWhenItFails) {
  int printed = 0;
  require(true, "{}", Costly{printed});
  EXPECT_EQ(printed, 0);
  try {
    require(false, "{}: {} of {}", "here", Costly{printed}, std::string("these"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "here: 1 of these");
  }
}

namespace fs = std::filesystem;

// FIPS 180-4 example digests.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(Sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256().update("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  const std::string million(1'000'000, 'a');
  for (std::size_t i = 0, step = 1; i < million.size(); i += step, step = step * 7 % 997)
    pieces.update(std::string_view(million).substr(i, step));
  EXPECT_EQ(pieces.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Printable, NothingThatSteersATerminalIsLeft) {
  EXPECT_EQ(printable("café, 猫 😀"), "café, 猫 😀");
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\x7f"), "a\\x1b[2Jb\\x0d\\x0a\\x7f");
  EXPECT_EQ(printable("\u0085\u202egnp.exe\u2028"), "\\u0085\\u202egnp.exe\\u2028");
  EXPECT_EQ(printable("caf\xe9 \xc3"), "caf\\xe9 \\xc3") << "not UTF-8";
  EXPECT_EQ(printable(std::string(100, 'x'), 10), "xxxxxxxxxx…");
  EXPECT_EQ(printable("éééééé", 5), "éé…") << "cut between characters";
  EXPECT_EQ(printable("éé", 4), "éé");
  EXPECT_EQ(printable(""), "");
}

TEST(ThreadPool, CoversEveryIndexOnce) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const std::int64_t count : {0, 1, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      pool.parallel_for(count, 3, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      for (const auto& n : seen) EXPECT_EQ(n, 1);
    }
  }
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.parallel_for(100, 1,
                                 [](std::int64_t begin, std::int64_t) {
                                   if (begin == 50) fail("boom");
                                 }),
               Error);
  std::atomic<int> sum{0};
  pool.parallel_for(10, 1, [&](std::int64_t begin, std::int64_t) { sum += static_cast<int>(begin); });
  EXPECT_EQ(sum, 45);
}

TEST(Median, IsTheMiddleOrTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 2}), 2);
  EXPECT_EQ(median({9, 1, 2, 4}), 3);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const fs::path dir = fs::path(testing::TempDir()) / "san_atomic";
  fs::remove_all(dir);
  fs::create_directories(dir);
  { AtomicFile(dir / "a").write("half"); }
  EXPECT_TRUE(fs::is_empty(dir));
  write_file_atomically(dir / "a", "old");
  write_file_atomically(dir / "a", "new");
  EXPECT_EQ(read_text_file(dir / "a"), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir), {}), 1);
  EXPECT_THROW(AtomicFile(dir / "missing" / "a"), Error);
  EXPECT_THROW(read_text_file(dir / "a", 2), Error);
}

TEST(MakeFolder, MakesThoseAboveItAndKeepsWhatIsThere) {
  const TemporaryFolder folder;
  const std::filesystem::path inner = folder / "a" / "b";
  make_folder(inner);
  write_file_atomically(inner / "file", "kept");
  make_folder(inner);
  EXPECT_EQ(read_text_file(inner / "file"), "kept");
}

TEST(MakeFolder, NamesWhatIsInItsPlace) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "taken", "");
  for (const std::filesystem::path& path : {folder / "taken", folder / "taken" / "inner"}) try {
      make_folder(path);
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(path.string() + ": cannot create the folder: "), std::string::npos)
          << e.what();
    }
}

TEST(InputFile, RefusesWhatIsNotAFile) {
  EXPECT_THROW(InputFile::open("/nonexistent/file"), Error);
  EXPECT_THROW(InputFile::open("/tmp"), Error);
  EXPECT_THROW(InputFile::open("/dev/zero"), Error);
  EXPECT_THROW(InputFile::open(std::string(5000, 'x')), Error);
  EXPECT_FALSE(file_exists(std::string(5000, 'x')));
}

TEST(InputFile, ReadsPartsAndNothingElse) {
  const fs::path path = fs::path(testing::TempDir()) / "san_input_file";
  write_file_atomically(path, "0123456789");
  const InputFile file = InputFile::open(path);
  EXPECT_EQ(file.read(3, 4).text(), "3456");
  EXPECT_EQ(file.read(10, 0).text(), "");
  EXPECT_THROW(file.read(3, 8), Error);
  EXPECT_THROW(file.read(11, 0), Error);
  EXPECT_THROW(file.read(~std::uint64_t{0}, 2), Error);
  EXPECT_THROW(read_file(path, 9), Error);
}

// What a mapped file would be killed for.
TEST(InputFile, SurvivesBeingCutOffWhileOpen) {
  const fs::path path = fs::path(testing::TempDir()) / "san_input_file_cut";
  write_file_atomically(path, std::string(100'000, 'x'));
  const InputFile file = InputFile::open(path);
  fs::resize_file(path, 10);
  EXPECT_EQ(file.read(0, 10).text(), "xxxxxxxxxx");
  try {
    file.read(0, 100'000);
    FAIL() << "read past the end";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("san_input_file_cut: ends at byte 10, expected 100000"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace san
