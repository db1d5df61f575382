#include "base/recycling.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/small_vector.h"

namespace san {
namespace {

struct Thing {
  std::vector<int> values;
  std::shared_ptr<int> held;
  void let_go() { held.reset(); }
};

TEST(Recycler, WhatNobodyUsesComesBackAsItWasLeft) {
  Recycler<Thing> recycler;
  EXPECT_EQ(recycler.idle(), nullptr);
  auto made = std::make_unique<Thing>();
  made->values = {1, 2, 3};
  made->held = std::make_shared<int>(7);
  const std::weak_ptr<int> held = made->held;
  const Thing* address = made.get();
  std::shared_ptr<const Thing> first = recycler.share(std::move(made)), second = first;
  first.reset();
  EXPECT_EQ(recycler.idle(), nullptr) << "it is still used";
  second.reset();
  EXPECT_TRUE(held.expired()) << "what it should not keep";
  const std::unique_ptr<Thing> again = recycler.idle();
  ASSERT_EQ(again.get(), address);
  EXPECT_EQ(again->values, (std::vector{1, 2, 3}));
  EXPECT_EQ(recycler.idle(), nullptr);
}

TEST(Recycler, MayGoBeforeWhatItSharedAndFromAnyThread) {
  std::shared_ptr<const Thing> last;
  {
    Recycler<Thing> recycler;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back(
          [shared = recycler.share(std::make_unique<Thing>())]() mutable { shared.reset(); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_NE(recycler.idle(), nullptr);
    last = recycler.share(std::make_unique<Thing>());
  }
  EXPECT_TRUE(last->values.empty());
}

TEST(Recycler, KeepsOnlyAFew) {
  Recycler<Thing> recycler;
  std::vector<std::shared_ptr<const Thing>> many;
  for (int i = 0; i < 100; ++i) many.push_back(recycler.share(std::make_unique<Thing>()));
  many.clear();
  int idle = 0;
  while (recycler.idle() != nullptr) ++idle;
  EXPECT_GE(idle, 2);
  EXPECT_LT(idle, 20);
}

TEST(SmallVector, HoldsMoreThanFitsInside) {
  SmallVector<std::shared_ptr<int>, 3> list;
  EXPECT_TRUE(list.empty());
  for (int i = 0; i < 8; ++i) {
    list.push_back(std::make_shared<int>(i));
    ASSERT_EQ(list.size(), static_cast<std::size_t>(i + 1));
    EXPECT_EQ(*list.back(), i);
    int expected = 0;
    for (const auto& value : list) EXPECT_EQ(*value, expected++);
  }
  EXPECT_EQ(*list[1], 1);
  const SmallVector<std::shared_ptr<int>, 3> copy = list;
  EXPECT_EQ(copy[7].use_count(), 2);
}

}  // namespace
}  // namespace san
