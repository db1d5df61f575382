#include "text/wordnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/test_error.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

/// Two files in WordNet's form (wndb(5WN)), of our own words; offsets are counted while they are written.
class WordNetFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    const std::string head = "  1 This text stands where the licence does\n";
    data_ = head;
    // The lines' lengths do not depend on the offsets in them: written twice.
    for (int round = 0; round < 2; ++round) {
      data_ = head;
      add(vehicle_, "03 n 02 vehicle 0 conveyance 0 001 ~ " + number(car_) +
                        " n 0000 | what carries people or goods  ");
      add(car_, "06 n 03 car 0 auto 0 motor_car 0 002 @ " + number(vehicle_) + " n 0000 ~ " + number(cab_) +
                    " n 0000 | a vehicle with four wheels  ");
      add(cab_, "06 n 01 cab 0 001 @ " + number(car_) + " n 0000 | a car for hire  ");
      add(wagon_, "06 n 01 car 0 001 @ " + number(vehicle_) + " n 0000 | a part of a train  ");
    }
    index_ = head + "auto n 1 1 @ 1 0 " + number(car_) + "  \n" + "cab n 1 1 @ 1 0 " + number(cab_) + "  \n" +
             "car n 2 2 @ ~ 2 1 " + number(car_) + " " + number(wagon_) + "  \n" + "motor_car n 1 1 @ 1 0 " +
             number(car_) + "  \n" + "vehicle n 1 1 ~ 1 0 " + number(vehicle_) + "  \n";
    write();
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write() const {
    write_file_atomically(folder_ / "index.noun", index_);
    write_file_atomically(folder_ / "data.noun", data_);
  }

  fs::path folder_ = fs::path(testing::TempDir()) / "san_wordnet";
  std::string index_, data_;

 private:
  static std::string number(std::size_t offset) {
    const std::string digits = std::to_string(offset);
    return std::string(8 - digits.size(), '0') + digits;
  }
  void add(std::size_t& offset, const std::string& rest) {
    offset = data_.size();
    data_ += number(offset) + " " + rest + "\n";
  }
  std::size_t vehicle_ = 0, car_ = 0, cab_ = 0, wagon_ = 0;
};

TEST_F(WordNetFiles, TellMeaningsAndWhatLiesAroundThem) {
  const WordNet words = WordNet::load(folder_);
  const auto senses = words.senses("Car");
  ASSERT_EQ(senses.size(), 2u);
  EXPECT_THAT(senses[0].names, ElementsAre("car", "auto", "motor car"));
  EXPECT_THAT(senses[0].kinds, ElementsAre("vehicle", "conveyance"));
  EXPECT_THAT(senses[0].examples, ElementsAre("cab"));
  EXPECT_EQ(senses[0].gloss, "a vehicle with four wheels");
  EXPECT_EQ(senses[1].gloss, "a part of a train");
  EXPECT_EQ(words.senses("motor cars").size(), 1u);
  for (const char* name : {"auto", "cab", "vehicle"}) EXPECT_EQ(words.senses(name).size(), 1u) << name;
  for (const char* name : {"", "ca", "cars and cabs", "zebra", "a", "This", "1"})
    EXPECT_TRUE(words.senses(name).empty()) << name;
}

TEST_F(WordNetFiles, ThatAreMissingOrDamagedAreSaidToBe) {
  const std::string missing = error_of([&] { WordNet::load(folder_ / "gone"); });
  EXPECT_THAT(missing, HasSubstr("gone/index.noun"));
  EXPECT_THAT(missing, HasSubstr("apt install wordnet-base"));
  const std::string whole = data_;
  data_ = " " + whole;  // every offset is one off
  write();
  EXPECT_THAT(error_of([&] { WordNet::load(folder_).senses("car"); }),
              HasSubstr("data.noun: an entry at byte"));
  data_ = whole.substr(0, whole.find("motor_car"));
  write();
  EXPECT_THAT(error_of([&] { WordNet::load(folder_).senses("car"); }),
              HasSubstr("data.noun: a line of it is damaged"));
  data_ = whole, index_ = "car n many\n";
  write();
  EXPECT_THAT(error_of([&] { WordNet::load(folder_).senses("car"); }),
              HasSubstr("index.noun: a line of it is damaged"));
}

}  // namespace
}  // namespace san
