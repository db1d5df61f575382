#include "program/last_resort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"

namespace san {
namespace {

using testing::HasSubstr;
using testing::Not;

template <typename Action>
std::string words_of(const Action& action) {
  try {
    action();
  } catch (...) {
    return last_words(std::current_exception());
  }
  return {};
}

TEST(LastResort, OutOfMemorySaysNeedsHasAndWhy) {
  const std::string words = words_of([] { throw std::bad_alloc(); });
  EXPECT_THAT(words, HasSubstr("out of memory: needs"));
  EXPECT_THAT(words, HasSubstr("MiB in all, because"));
  EXPECT_THAT(words, Not(HasSubstr("bad_alloc")));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(LastResort, SaysHowMuchWasAskedFor) {
  const auto ask = [](std::size_t bytes) { return std::vector<char>(bytes); };
  EXPECT_THAT(words_of([&] { (void)ask(std::size_t{1} << 62); }), HasSubstr("needs 4398046511104 MiB"));
}
#endif

TEST(LastResort, OutOfMemoryNamesTheCommand) {
  const auto failure = std::make_exception_ptr(std::bad_alloc());
  EXPECT_THAT(last_words(failure, "san verify a\x1b[2J.safetensors"), HasSubstr("it was for: san verify a"));
  EXPECT_THAT(last_words(failure, "san verify a\x1b[2J.safetensors"), Not(HasSubstr("\x1b")));
}

TEST(LastResort, SizesThatNoMemoryHas) {
  const std::string words = words_of([] { throw std::length_error("vector::reserve"); });
  EXPECT_THAT(words, HasSubstr("larger than any memory"));
  EXPECT_THAT(words, Not(HasSubstr("vector::")));
}

TEST(LastResort, FileSystemFailuresNameThePath) {
  const std::string name(300, 'x');
  const std::string words = words_of([&] { (void)std::filesystem::file_size("/tmp/" + name); });
  EXPECT_THAT(words, HasSubstr("/tmp/xxx"));
  EXPECT_THAT(words, HasSubstr("File name too long"));
  EXPECT_THAT(words, Not(HasSubstr("filesystem error")));
}

TEST(LastResort, OwnErrorsAsTheyAreWithoutControlCharacters) {
  EXPECT_EQ(words_of([] { fail("a.png: expected 3, got 4"); }), "a.png: expected 3, got 4");
  EXPECT_THAT(words_of([] { throw std::runtime_error("a\x1b[2Jb"); }), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace san
