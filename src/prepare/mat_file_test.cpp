#include "prepare/mat_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/atomic_file.h"
#include "base/error.h"

namespace san {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

// The files were written by scipy.io.savemat (1.x): a writer that knows nothing of this reader.
std::string fixture(const std::string& name) {
  return SAN_SOURCE_DIR "/tests/data/eval/" + name;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A little piece of MAT-file in either byte order.
struct Writer {
  bool big = false;
  std::string out;

  void number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * (big ? bytes - 1 - i : i));
  }
  void element(std::uint32_t type, const std::string& data) {
    number(type, 4);
    number(data.size(), 4);
    out += data;
    out.resize((out.size() + 7) / 8 * 8);
  }
  std::string part(std::initializer_list<std::uint64_t> values, int bytes) const {
    Writer piece{big, {}};
    for (const auto v : values) piece.number(v, bytes);
    return piece.out;
  }
};

std::string big_endian_file() {
  Writer matrix{true, {}};
  matrix.element(6, matrix.part({11, 0}, 4));
  matrix.element(5, matrix.part({2, 2}, 4));
  matrix.element(1, "LabelMap");
  matrix.element(4, matrix.part({1, 2, 300, 459}, 2));
  Writer file{true, std::string(124, ' ')};
  file.out += std::string("\x01\x00MI", 4);
  file.element(14, matrix.out);
  return file.out;
}

TEST(MatFile, ReadsWhatScipyWrites) {
  const std::vector<Label> expected{1, 38, 75, 112, 149, 186, 223, 260, 297, 334, 371, 408};
  for (const char* name : {"label_map_compressed.mat", "label_map_plain_double.mat"}) {
    const LabelMap map = read_mat_label_map(fixture(name), "LabelMap");
    EXPECT_EQ(map.height, 3) << name;
    EXPECT_EQ(map.width, 4) << name;
    EXPECT_THAT(map.labels, ElementsAreArray(expected)) << name;
  }
  const LabelMap small = read_mat_label_map(fixture("label_map_small_uint8.mat"), "LabelMap");
  EXPECT_THAT(small.labels, testing::ElementsAre(7, 9));
}

TEST(MatFile, ReadsBigEndian) {
  const LabelMap map = parse_mat_label_map(bytes_of(big_endian_file()), "LabelMap", "x.mat");
  EXPECT_THAT(map.labels, testing::ElementsAre(1, 300, 2, 459));
}

TEST(MatFile, RefusesWithOneClearError) {
  const auto error = [](const std::string& file, const char* name = "LabelMap") -> std::string {
    try {
      (void)parse_mat_label_map(bytes_of(file), name, "x.mat");
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(error(""), HasSubstr("x.mat: 0 bytes"));
  EXPECT_THAT(error(std::string(200, 'a')), HasSubstr("no level 5 MAT-file"));
  EXPECT_THAT(error(big_endian_file(), "Missing"), HasSubstr("no variable 'Missing'"));
  const std::string plain = read_text_file(fixture("label_map_plain_double.mat"));
  std::string half = plain;
  const double value = 1.5;
  const std::string one("\x00\x00\x00\x00\x00\x00\xf0\x3f", 8);
  half.replace(half.find(one), 8, reinterpret_cast<const char*>(&value), 8);
  EXPECT_THAT(error(half), HasSubstr("holds 1.5 at row 0, column 0"));
  EXPECT_THAT(error(plain.substr(0, 200)), HasSubstr("MAT-file"));
  try {
    (void)parse_mat_label_map(bytes_of(plain), "LabelMap", "x.mat", 11);
    FAIL() << "3x4 elements are more than 11";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("is 3x4; expected 1 to 11 elements"));
  }
  EXPECT_EQ(parse_mat_label_map(bytes_of(plain), "LabelMap", "x.mat", 12).width, 4);
}

// Damage anywhere must end in Error or in a map, never in a crash or an endless loop (run under sanitizers
// too).
TEST(MatFile, SurvivesDamage) {
  std::mt19937 random(1);
  for (const char* name :
       {"label_map_compressed.mat", "label_map_plain_double.mat", "label_map_small_uint8.mat"}) {
    const std::string good = read_text_file(fixture(name));
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
      std::string bad = good;
      for (int flips = 0; flips < 3; ++flips) bad[random() % bad.size()] = static_cast<char>(random());
      if (round % 4 == 0) bad.resize(random() % bad.size());
      try {
        const LabelMap map = parse_mat_label_map(bytes_of(bad), "LabelMap", "x.mat");
        EXPECT_EQ(map.labels.size(),
                  static_cast<std::size_t>(map.height) * static_cast<std::size_t>(map.width));
      } catch (const Error&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 500) << name;
  }
}

}  // namespace
}  // namespace san
