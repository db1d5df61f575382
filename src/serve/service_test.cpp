#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "san/codec.hpp"
#include "serve/outputs.h"
#include "serve/refusal.h"
#include "serve/vocabularies.h"

namespace san::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

Lane::Caller patient() {
  return {nullptr, std::chrono::steady_clock::now() + 1h};
}

std::string code_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Refusal& r) {
    return r.code();
  } catch (const Cancelled&) {
    return "cancelled";
  }
}

/// Work that runs until it is let go, or cancelled.
struct Held {
  std::promise<void> began;
  std::promise<void> go;
  std::shared_future<void> released = go.get_future().share();
  void operator()(const std::atomic<bool>& cancelled) {
    began.set_value();
    while (released.wait_for(1ms) != std::future_status::ready)
      if (cancelled) throw Cancelled("it was cancelled");
  }
};

TEST(Lane, WaitsItsTurnAndRefusesWhatIsTooMuch) {
  Lane lane(1, 1);
  Held held;
  auto first = std::async(std::launch::async, [&] {
    lane.run([&](int, const std::atomic<bool>& cancelled) { held(cancelled); }, patient());
  });
  held.began.get_future().wait();
  bool ran = false;
  auto second = std::async(std::launch::async,
                           [&] { lane.run([&](int worker, const auto&) { ran = worker == 0; }, patient()); });
  while (lane.state().waiting == 0) std::this_thread::yield();
  EXPECT_EQ(lane.state().running, 1u);
  EXPECT_EQ(code_of([&] { lane.run([](int, const auto&) {}, patient()); }), "busy");
  EXPECT_FALSE(ran);
  held.go.set_value();
  first.get();
  second.get();
  EXPECT_TRUE(ran);
  EXPECT_GT(lane.state().mean_seconds, 0);
}

TEST(Lane, WhatWorkThrowsReachesItsCaller) {
  Lane lane(2, 4);
  EXPECT_EQ(code_of([&] { lane.run([](int, const auto&) { refuse(422, "mine", "", "no"); }, patient()); }),
            "mine");
}

TEST(Lane, CallersThatAreGoneEndWhatRunsAndWhatWaits) {
  Lane lane(1, 4);
  Held held;
  std::atomic<bool> first_gone{false}, second_gone{false};
  auto running = std::async(std::launch::async, [&] {
    return code_of([&] {
      lane.run([&](int, const std::atomic<bool>& c) { held(c); },
               {[&] { return first_gone.load(); }, patient().deadline});
    });
  });
  held.began.get_future().wait();
  bool ran = false;
  auto waiting = std::async(std::launch::async, [&] {
    return code_of([&] {
      lane.run([&](int, const auto&) { ran = true; },
               {[&] { return second_gone.load(); }, patient().deadline});
    });
  });
  while (lane.state().waiting == 0) std::this_thread::yield();
  // In this order: what waits would begin when what runs has ended.
  second_gone = true;
  EXPECT_EQ(waiting.get(), "cancelled");
  EXPECT_FALSE(ran);
  first_gone = true;
  EXPECT_EQ(running.get(), "cancelled");
}

TEST(Lane, WorkEndsAtItsDeadline) {
  Lane lane(1, 4);
  Held held;
  const Lane::Caller hurried{nullptr, std::chrono::steady_clock::now()};
  EXPECT_EQ(code_of([&] { lane.run([&](int, const std::atomic<bool>& c) { held(c); }, hurried); }),
            "too_slow");
}

TEST(Lane, StoppingRefusesWhatWaits) {
  Lane lane(1, 4);
  Held held;
  auto running = std::async(std::launch::async, [&] {
    return code_of([&] { lane.run([&](int, const std::atomic<bool>& c) { held(c); }, patient()); });
  });
  held.began.get_future().wait();
  auto waiting = std::async(std::launch::async,
                            [&] { return code_of([&] { lane.run([](int, const auto&) {}, patient()); }); });
  while (lane.state().waiting == 0) std::this_thread::yield();
  lane.stop();
  EXPECT_EQ(code_of([&] { lane.run([](int, const auto&) {}, patient()); }), "stopping");
  held.go.set_value();
  EXPECT_EQ(running.get(), "") << "what runs is let end";
  EXPECT_EQ(waiting.get(), "stopping");
}

TEST(ByteCache, KeepsWhatWasUsedLast) {
  ByteCache<int> cache(10);
  cache.put("a", std::make_shared<const int>(1), 4);
  cache.put("b", std::make_shared<const int>(2), 4);
  EXPECT_NE(cache.find("a"), nullptr);
  cache.put("c", std::make_shared<const int>(3), 4);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_EQ(*cache.find("a"), 1);
  cache.put("a", std::make_shared<const int>(5), 6);
  EXPECT_EQ(*cache.find("a"), 5);
  EXPECT_EQ(cache.state().bytes, 10u);
  cache.put("d", std::make_shared<const int>(6), 11);
  EXPECT_EQ(cache.find("d"), nullptr);
  EXPECT_EQ(cache.state().entries, 2u) << "what does not fit drives nothing out";
  cache.put("a", std::make_shared<const int>(7), 11);
  EXPECT_EQ(cache.find("a"), nullptr) << "the old value is not given for the new one";
}

TEST(Metrics, AreWrittenForPrometheus) {
  Metrics m;
  m.count("san_requests_total", {{"route", "/a"}, {"status", "200"}});
  m.count("san_requests_total", {{"route", "/a"}, {"status", "200"}}, 2);
  m.observe("san_request_seconds", {{"route", "a\"b"}}, 0.3);
  const std::string text = m.text({{"g", "A gauge.", 1.5}, {"c_total", "A counter.", 2, true}});
  for (const char* line :
       {"# TYPE g gauge\ng 1.5\n", "# TYPE c_total counter\nc_total 2\n",
        "san_requests_total{route=\"/a\",status=\"200\"} 3\n", "# TYPE san_request_seconds histogram\n",
        "san_request_seconds_bucket{route=\"a\\\"b\",le=\"0.25\"} 0\n",
        "san_request_seconds_bucket{route=\"a\\\"b\",le=\"0.5\"} 1\n",
        "san_request_seconds_bucket{route=\"a\\\"b\",le=\"+Inf\"} 1\n",
        "san_request_seconds_count{route=\"a\\\"b\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

class TinyService : public ::testing::Test {
 protected:
  static ServiceOptions options() {
    ServiceOptions o;
    o.models = {"formula:tiny"};
    o.use_cache = false;
    o.sandbox = false;
    o.vocabularies = 2;
    return o;
  }
  static SegmentRequest request(std::vector<std::string> classes, int seed = 1) {
    SegmentRequest r;
    Image image(24, 36);
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      image.rgb[i] = static_cast<std::uint8_t>(i * i * 7 + i * static_cast<std::size_t>(seed));
    const auto bytes = encode_png(image);
    r.image.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    r.words.classes = read_classes(classes, "classes");
    r.outputs = {Output::kScores};
    return r;
  }
  Service service_{options()};
  Vocabularies vocabularies_{service_};
};

TEST_F(TinyService, LooksOnceAndAnswersManyQuestions) {
  SegmentRequest first = request({"a", "b", "c"});
  LabelMap labels;
  const auto keep = [&](const Outcome& o) { labels = o.result.labels; };
  Stages stages = service_.segment(first, patient(), keep);
  EXPECT_FALSE(stages.seen_before);
  EXPECT_EQ(labels.height, 24);
  const LabelMap wanted = labels;
  SegmentRequest again = request({"d", "e"});
  again.image.clear();
  again.image_sha256 = stages.sha256;
  EXPECT_TRUE(service_.segment(again, patient(), keep).seen_before);
  again.words = first.words;
  EXPECT_TRUE(service_.segment(again, patient(), keep).seen_before);
  EXPECT_EQ(labels, wanted);
  again.short_side = 96;
  EXPECT_FALSE(service_.segment(again, patient(), keep).seen_before);
  EXPECT_TRUE(service_.segment(again, patient(), keep).seen_before);
  again.image_sha256 = std::string(64, '0');
  EXPECT_EQ(code_of([&] { service_.segment(again, patient(), keep); }), "unknown_picture");
}

TEST_F(TinyService, RunnerUpIsThatOfAllScores) {
  SegmentRequest r = request({});
  std::vector<std::string> names;
  for (int i = 0; i < 37; ++i)
    names.push_back("thing " + std::to_string(i));  // not a multiple of what is taken at a time
  r.words.classes = read_classes(names, "classes");
  service_.segment(r, patient(), [&](const Outcome& o) {
    const RunnerUp second = runner_up(o.result, 1000);
    std::vector<int> all(37);
    for (int i = 0; i < 37; ++i) all[static_cast<std::size_t>(i)] = i;
    const std::vector<float> scores = o.result.class_scores(all);
    const std::size_t pixels = o.result.labels.labels.size();
    for (std::size_t p = 0; p < pixels; ++p) {
      std::vector<std::pair<float, int>> order;
      for (int k = 0; k < 37; ++k) order.emplace_back(-scores[static_cast<std::size_t>(k) * pixels + p], k);
      std::ranges::sort(order);
      ASSERT_EQ(second.scores[p], -order[1].first);
      ASSERT_EQ(second.labels.labels[p], order[1].second);
    }
  });
}

TEST_F(TinyService, DistractorsAreOther) {
  SegmentRequest r = request({"a"});
  r.words.distractors = read_classes({"b", "c"}, "distractors");
  service_.segment(r, patient(), [&](const Outcome& o) {
    EXPECT_THAT(o.result.classes(), ElementsAre("a"));
    EXPECT_TRUE(o.has_other);
    EXPECT_EQ(o.result.areas[0] + o.result.areas[1], 24 * 36);
    for (const Label label : o.result.labels.labels) EXPECT_LE(label, 1);
  });
}

TEST_F(TinyService, RefusesWhatItCannotDo) {
  const auto none = [](const Outcome&) {};
  SegmentRequest r = request({"a", "b"});
  r.model = "none";
  EXPECT_EQ(code_of([&] { service_.segment(r, patient(), none); }), "unknown_model");
  r = request({"a", "b"});
  r.image = "no picture";
  EXPECT_EQ(code_of([&] { service_.segment(r, patient(), none); }), "bad_image");
  r = request({"a", "b"});
  r.words = {};
  r.words.vocabulary = "none";
  EXPECT_EQ(code_of([&] { service_.segment(r, patient(), none); }), "unknown_vocabulary");
  service_.stop();
  EXPECT_EQ(code_of([&] { service_.segment(request({"a", "b"}), patient(), none); }), "stopping");
}

TEST_F(TinyService, VocabulariesAreEmbeddedStoredAndLetGo) {
  Words words;
  words.classes = read_classes({"a|b", "c"}, "classes");
  vocabularies_.put("two", "", words);
  while (vocabularies_.status("two").state != Vocabularies::State::kReady) std::this_thread::sleep_for(1ms);
  const auto status = vocabularies_.status("two");
  EXPECT_THAT(status.classes, ElementsAre("a", "c"));
  EXPECT_EQ(status.done, status.total);
  EXPECT_GT(status.total, 0);
  SegmentRequest named = request({});
  named.words.vocabulary = "two";
  LabelMap by_name, by_words;
  service_.segment(named, patient(), [&](const Outcome& o) { by_name = o.result.labels; });
  service_.segment(request({"a|b", "c"}), patient(), [&](const Outcome& o) { by_words = o.result.labels; });
  EXPECT_EQ(by_name, by_words);

  words.classes = read_classes({std::string(400, 'x') + " y " + std::string(400, 'z')}, "classes");
  vocabularies_.put("long", "", words);
  while (vocabularies_.status("long").state != Vocabularies::State::kFailed &&
         vocabularies_.status("long").state != Vocabularies::State::kReady)
    std::this_thread::sleep_for(1ms);
  EXPECT_EQ(code_of([&] { vocabularies_.put("third", "", words); }), "too_many_vocabularies");
  vocabularies_.put("two", "", words);  // in its place
  vocabularies_.remove("two");
  EXPECT_EQ(code_of([&] { vocabularies_.status("two"); }), "unknown_vocabulary");
  EXPECT_EQ(vocabularies_.all().size(), 1u);
}

}  // namespace
}  // namespace san::serve
