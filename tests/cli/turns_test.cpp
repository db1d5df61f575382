#include "apps/cli/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

namespace san::cli {
namespace {

TEST(Turns, EachThingIsOneThreadsAtATime) {
  constexpr int kThings = 2, kThreads = 5, kRounds = 300;
  struct Thing {
    std::atomic<int> users = 0;
    int used = 0;
  };
  Turns<Thing*> turns;
  std::vector<Thing> things(kThings);
  for (Thing& thing : things) turns.add(&thing);
  std::atomic<int> meetings = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i)
        turns.use([&](Thing* thing) {
          meetings += thing->users++ != 0;
          ++thing->used;
          std::this_thread::yield();
          --thing->users;
        });
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(meetings, 0);
  EXPECT_EQ(things[0].used + things[1].used, kThreads * kRounds);
}

TEST(Turns, WhatThrowsGivesBackWhatItHad) {
  Turns<std::unique_ptr<int>> turns;
  turns.add(std::make_unique<int>(7));
  EXPECT_THROW(turns.use([](std::unique_ptr<int>&) { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(turns.use([](const std::unique_ptr<int>& thing) { return *thing; }), 7);
}

}  // namespace
}  // namespace san::cli
