#include "serve/banks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "san/codec.hpp"
#include "serve/refusal.h"

namespace san::serve {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

Lane::Caller patient() {
  return {nullptr, std::chrono::steady_clock::now() + 1h};
}

template <class Action>
std::string code_of(Action action) {
  try {
    action();
    return "";
  } catch (const Refusal& r) {
    return r.code();
  }
}

TEST(Regions, AreWhatHangsTogetherAtAPoint) {
  LabelMap labels(3, 4, 0);
  labels.row(0)[1] = labels.row(1)[1] = labels.row(2)[2] = 1;  // the last one touches by its corner alone
  const LabelMap region = region_at(labels, {1, 1}, 5, 9);
  EXPECT_THAT(region.labels, ElementsAre(9, 5, 9, 9, 9, 5, 9, 9, 9, 9, 9, 9));
  EXPECT_EQ(code_of([&] { region_at(labels, {4, 0}, 5, 9); }), "invalid_field");
  EXPECT_EQ(code_of([&] { region_at(labels, {0, 3}, 5, 9); }), "invalid_field");
}

class TinyBanks : public ::testing::Test {
 protected:
  TinyBanks() { fs::create_directories(folder_); }
  ~TinyBanks() override { fs::remove_all(folder_); }

  ServiceOptions options() const {
    ServiceOptions o;
    o.models = {"formula:tiny"};
    o.use_cache = false;
    o.sandbox = false;
    o.own_banks = 2;
    return o;
  }
  static SegmentRequest request(int seed = 1) {
    SegmentRequest r;
    Image image(24, 36);
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      image.rgb[i] = static_cast<std::uint8_t>(i * i * 7 + i * static_cast<std::size_t>(seed));
    const auto bytes = encode_png(image);
    r.image.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    r.words.classes = read_classes({"left", "right"}, "classes");
    r.outputs = {Output::kScores};
    return r;
  }
  /// The left half is this.
  static ExampleRequest left(const std::string& name, int seed = 1) {
    ExampleRequest r;
    r.segment = request(seed);
    r.segment.words = {};
    r.name = read_classes({name}, "class")[0];
    r.mask = Rle{24, 36, {0, 24 * 18, 24 * 18}};
    return r;
  }
  static std::vector<std::string> names_of(const Banks::Status& s) {
    std::vector<std::string> names;
    for (const Bank::Class& c : s.classes) names.push_back(c.name);
    return names;
  }
  /// Scores of all pixels' labels.
  static std::vector<float> scores_of(Service& service, const SegmentRequest& request,
                                      std::string* bank = nullptr) {
    std::vector<float> scores;
    const Stages stages =
        service.segment(request, patient(), [&](const Outcome& o) { scores = o.result.label_scores; });
    if (bank != nullptr) *bank = stages.bank;
    return scores;
  }

  fs::path folder_ = fs::temp_directory_path() / ("san-banks-" + std::to_string(::getpid()));
};

TEST_F(TinyBanks, GrowByRegionsAndAreAskedByName) {
  Service service(options());
  Banks banks(service);
  EXPECT_EQ(code_of([&] { banks.status("mine"); }), "unknown_bank");
  const Banks::Added added = banks.add("mine", left("right"), patient());
  EXPECT_EQ(added.area, 24 * 18);
  EXPECT_EQ(added.bank.pictures, 1);
  EXPECT_THAT(names_of(added.bank), ElementsAre("right"));
  EXPECT_FALSE(added.bank.fixed);

  SegmentRequest asked = request();
  std::string bank;
  const std::vector<float> plain = scores_of(service, asked, &bank);
  EXPECT_EQ(bank, "") << "nobody asked for it";
  asked.bank.name = "mine";
  asked.bank.weight = 5;
  const std::vector<float> with = scores_of(service, asked, &bank);
  EXPECT_EQ(bank, "mine");
  EXPECT_NE(with, plain);
  asked.bank.weight = 0;
  EXPECT_EQ(scores_of(service, asked), plain);
  asked.bank.weight = 5;

  // Other examples are other answers, whatever was kept.
  banks.add("mine", left("left"), patient());
  EXPECT_THAT(names_of(banks.status("mine")), ElementsAre("left")) << "what is said last holds";
  EXPECT_NE(scores_of(service, asked), with);
  asked.words.classes = read_classes({"up", "down"}, "classes");
  scores_of(service, asked, &bank);
  EXPECT_EQ(bank, "") << "a bank of other classes says nothing";

  const std::string file = banks.file("mine");
  const Bank back = Bank::read(std::as_bytes(std::span(file)));
  EXPECT_EQ(back.pictures(), 1);
  banks.remove("mine");
  EXPECT_EQ(code_of([&] { scores_of(service, asked); }), "unknown_bank");
  EXPECT_TRUE(banks.all().empty());
}

TEST_F(TinyBanks, TakeTheRegionAtAPoint) {
  Service service(options());
  Banks banks(service);
  LabelMap labels;
  service.segment(request(), patient(), [&](const Outcome& o) { labels = o.result.labels; });
  ExampleRequest r = left("thing");
  r.mask.reset();
  r.point = {20, 10};
  r.segment.words = request().words;
  const LabelMap region = region_at(labels, *r.point, 1, 0);
  const auto area = std::ranges::count(region.labels, Label{1});
  EXPECT_EQ(banks.add("mine", r, patient()).area, area);
}

TEST_F(TinyBanks, RefuseWhatTeachesNothingAndWhatIsTooMuch) {
  ServiceOptions o = options();
  Service service(o);
  Banks banks(service);
  ExampleRequest r = left("a");
  r.mask->counts = {24 * 36};
  EXPECT_EQ(code_of([&] { banks.add("mine", r, patient()); }), "region_too_small");
  EXPECT_TRUE(banks.all().empty()) << "a bank is made with its first example";
  r.mask = Rle{36, 24, {0, 36 * 24}};
  EXPECT_EQ(code_of([&] { banks.add("mine", r, patient()); }), "invalid_field");
  banks.add("one", left("a"), patient());
  banks.add("two", left("a"), patient());
  EXPECT_EQ(code_of([&] { banks.add("three", left("a"), patient()); }), "too_many_banks");
  EXPECT_EQ(code_of([&] { banks.add("true", left("a"), patient()); }), "invalid_field");

  o.bank_idle = 0s;
  o.bank_bytes = 1;
  Service small(o);
  Banks few(small);
  few.add("one", left("a"), patient());
  EXPECT_EQ(code_of([&] { few.add("one", left("b", 2), patient()); }), "banks_full");
  few.add("two", left("a"), patient());
  EXPECT_EQ(few.all().size(), 1u) << "the one that nobody asks for makes room";
  o.own_banks = 0;
  Service closed(o);
  Banks none(closed);
  EXPECT_EQ(code_of([&] { none.add("one", left("a"), patient()); }), "no_banks");
  o = options();
  o.model.method = "maskclip";
  Service dense(o);
  Banks not_there(dense);
  EXPECT_EQ(code_of([&] { not_there.add("one", left("a"), patient()); }), "impossible");
}

TEST_F(TinyBanks, ThoseOfTheStartAreAskedUnlessARequestSaysOtherwise) {
  {
    Service service(options());
    Banks banks(service);
    std::ofstream(folder_ / "house.bank", std::ios::binary)
        << (banks.add("x", left("right"), patient()), banks.file("x"));
  }
  ServiceOptions o = options();
  o.banks = {{folder_ / "house.bank", 5}};
  Service service(o);
  Banks banks(service);
  EXPECT_EQ(banks.own("tiny"), nullptr);
  EXPECT_EQ(banks.own("formula:tiny")->name, "house");
  EXPECT_EQ(banks.status("house").weight, 5);
  EXPECT_TRUE(banks.status("house").fixed);
  std::string bank;
  SegmentRequest asked = request();
  const std::vector<float> with = scores_of(service, asked, &bank);
  EXPECT_EQ(bank, "house");
  asked.bank.wanted = false;
  EXPECT_NE(scores_of(service, asked, &bank), with);
  EXPECT_EQ(bank, "");
  EXPECT_EQ(code_of([&] { banks.add("house", left("a"), patient()); }), "fixed_bank");
  EXPECT_EQ(code_of([&] { banks.remove("house"); }), "fixed_bank");

  o.model.method = "maskclip";
  Service dense(o);
  EXPECT_THROW(Banks{dense}, Error) << "nobody's bank";
}

TEST_F(TinyBanks, AreKeptInTheFolderAndGoOnFromThere) {
  ServiceOptions o = options();
  o.bank_folder = folder_;
  {
    Service service(o);
    Banks banks(service);
    banks.add("kept", left("a"), patient());
    banks.add("gone", left("a"), patient());
    banks.remove("gone");
    EXPECT_FALSE(fs::exists(folder_ / "gone.bank"));
  }
  {
    Service service(o);
    Banks banks(service);
    ASSERT_EQ(banks.all().size(), 1u);
    const Banks::Status s = banks.add("kept", left("b", 2), patient()).bank;
    EXPECT_EQ(s.pictures, 2);
    EXPECT_THAT(names_of(s), ElementsAre("a", "b"));
  }
  EXPECT_EQ(Bank::load(folder_ / "kept.bank").pictures(), 2);
  std::ofstream(folder_ / "bad.bank") << "no bank";
  Service service(o);
  EXPECT_THROW(Banks{service}, Error);
  o.bank_folder = folder_ / "none";
  Service other(o);
  EXPECT_THROW(Banks{other}, Error);
}

TEST_F(TinyBanks, AreMadeByManyAtOnce) {
  Service service(options());
  Banks banks(service);
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3; ++i) {
        try {
          const std::string name = t % 2 == 0 ? "even" : "odd";
          banks.add(name, left("class " + std::to_string(t), 10 * t + i), patient());
          SegmentRequest asked = request();
          asked.words.classes = read_classes({"class 0", "class 1"}, "classes");
          asked.bank.name = name;
          scores_of(service, asked);
          banks.all();
        } catch (const Refusal& r) {
          ++failed;
          ADD_FAILURE() << r.what();
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(banks.status("even").pictures, 6);
  EXPECT_THAT(names_of(banks.status("odd")), ::testing::UnorderedElementsAre("class 1", "class 3"));
}

}  // namespace
}  // namespace san::serve
