#include "world/pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"

namespace san {
namespace {

namespace fs = std::filesystem;

class Pictures : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static PictureFile sample() {
    PictureFile file;
    file.sources = {{"noto", "@x/noto 1", "Apache-2.0", "someone", "u", Role::kTrain},
                    {"open", "@x/open 2", "CC-BY-SA-4.0", "others", "v", Role::kHeldOutStyle}};
    Rng rng(5);
    for (int i = 0; i < 5; ++i) {
      Picture p;
      p.kind = i == 4 ? PictureKind::kTexture : PictureKind::kSprite;
      p.name = "thing " + std::to_string(i);
      p.origin = "icon";
      p.source = i % 2;
      p.height = 3 + i;
      p.width = 9 - i;
      p.channels = i == 4 ? 3 : 4;
      for (int k = 0; k < p.height * p.width * p.channels; ++k)
        p.pixels.push_back(static_cast<std::uint8_t>(rng.below(256)));
      file.pictures.push_back(p);
    }
    return file;
  }
  fs::path folder_;
};

TEST_F(Pictures, ComeBackAsTheyWereWritten) {
  const PictureFile file = sample();
  ThreadPool pool(2);
  write_pictures(file, folder_ / "a", &pool);
  const PictureFile back = read_pictures(folder_ / "a");
  EXPECT_EQ(back.sources, file.sources);
  EXPECT_EQ(back.pictures, file.pictures);
}

TEST_F(Pictures, RefuseInconsistentSizes) {
  PictureFile file = sample();
  file.pictures[0].height = 77;
  EXPECT_THROW(write_pictures(file, folder_ / "a"), Error);
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(Pictures, DamageGivesAnErrorNotACrash) {
  write_pictures(sample(), folder_ / "a");
  const std::string whole = read_text_file(folder_ / "a");
  for (std::size_t cut = 0; cut < whole.size(); cut += 13) {
    std::ofstream(folder_ / "b", std::ios::binary).write(whole.data(), static_cast<std::streamsize>(cut));
    EXPECT_THROW(read_pictures(folder_ / "b"), Error) << "cut at " << cut;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    std::ofstream(folder_ / "b", std::ios::binary)
        .write(changed.data(), static_cast<std::streamsize>(changed.size()));
    try {
      read_pictures(folder_ / "b");
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr((folder_ / "b").string()));
    }
  }
}

TEST(Roles, HaveNames) {
  for (const Role role : {Role::kTrain, Role::kHeldOutStyle, Role::kNearStyle, Role::kPhoto,
                          Role::kTestBackground, Role::kTrainExtra})
    EXPECT_EQ(parse_role(role_name(role)), role);
  EXPECT_THROW(parse_role("everything"), Error);
}

}  // namespace
}  // namespace san
