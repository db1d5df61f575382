#include "video/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace san::video {
namespace {

using Thing = std::unique_ptr<int>;

TEST(BoundedQueue, HandsThingsOnInOrder) {
  BoundedQueue<Thing> queue(2);
  std::thread giver([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.push(std::make_unique<int>(i)));
    queue.close();
  });
  int next = 0;
  while (const std::optional<Thing> thing = queue.pop()) EXPECT_EQ(**thing, next++);
  giver.join();
  EXPECT_EQ(next, 100);
}

TEST(BoundedQueue, ALiveSourceLosesTheOldest) {
  BoundedQueue<Thing> queue(2);
  EXPECT_FALSE(queue.push_latest(std::make_unique<int>(0)));
  EXPECT_FALSE(queue.push_latest(std::make_unique<int>(1)));
  const std::optional<Thing> dropped = queue.push_latest(std::make_unique<int>(2));
  ASSERT_TRUE(dropped);
  EXPECT_EQ(**dropped, 0);
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_EQ(**queue.pop(), 2);
}

TEST(BoundedQueue, ClosingLetsWaitersGo) {
  BoundedQueue<Thing> full(1), empty(1);
  ASSERT_TRUE(full.push(std::make_unique<int>(7)));
  std::thread giver([&] { EXPECT_FALSE(full.push(std::make_unique<int>(8))); });
  std::thread taker([&] { EXPECT_FALSE(empty.pop()); });
  full.close();
  empty.close();
  giver.join();
  taker.join();
  EXPECT_EQ(**full.pop(), 7) << "what waits is handed out";
  EXPECT_FALSE(full.pop());
}

}  // namespace
}  // namespace san::video
