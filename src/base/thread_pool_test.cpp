#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace san {
namespace {

TEST(ThreadPool, CallersNeverComputeMoreThanItsSizeAtATime) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::atomic<int> computing = 0, most = 0;
    std::array<std::atomic<int>, 4> done{};
    std::vector<std::thread> callers;
    for (std::size_t caller = 0; caller < done.size(); ++caller)
      callers.emplace_back([&, caller] {
        for (int loop = 0; loop < 50; ++loop)
          pool.parallel_for(20, 1, [&](std::int64_t begin, std::int64_t end) {
            const int now = ++computing;
            for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            done[caller] += static_cast<int>(end - begin);
            --computing;
          });
      });
    for (std::thread& caller : callers) caller.join();
    for (const auto& count : done) EXPECT_EQ(count, 50 * 20);
    EXPECT_LE(most, threads);
  }
}

TEST(ThreadPool, CallsForEveryIndexOnceInChunksOfTheGrain) {
  for (const int threads : {1, 2, 5, 20}) {
    ThreadPool pool(threads);
    for (const std::int64_t count : {1, 2, 7, 100, 1000})
      for (const std::int64_t grain : {1, 3, 64}) {
        std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
        std::atomic<bool> too_long = false;
        pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          if (end - begin > grain) too_long = true;
          for (std::int64_t i = begin; i < end; ++i) ++calls[static_cast<std::size_t>(i)];
        });
        EXPECT_TRUE(std::ranges::all_of(calls, [](const auto& n) { return n == 1; }))
            << count << " by " << grain << " on " << threads << " threads";
        // One thread gets all at once.
        EXPECT_FALSE(too_long && threads > 1);
      }
  }
}

TEST(ThreadPool, TapersTheChunksOfAShare) {
  ThreadPool pool(2);
  std::mutex mutex;
  std::vector<std::pair<std::int64_t, std::int64_t>> first, second;
  std::barrier both(2);
  std::atomic<int> begun = 0;
  pool.parallel_for_tapering(140, 14, 4, [&](std::int64_t begin, std::int64_t end) {
    // Nobody takes from the other's share before its last chunk is begun.
    if (++begun <= 2 || end == 70 || end == 140) both.arrive_and_wait();
    const std::lock_guard lock(mutex);
    (begin < 70 ? first : second).emplace_back(begin, end);
  });
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected = {{0, 14},  {14, 28}, {28, 42},
                                                                       {42, 56}, {56, 63}, {63, 70}};
  EXPECT_EQ(first, expected);
  for (auto& [begin, end] : second) begin -= 70, end -= 70;
  EXPECT_EQ(second, expected);
}

TEST(ThreadPool, TaperingCallsForEveryIndexOnceInChunksOfItsBounds) {
  for (const int threads : {1, 2, 5, 20}) {
    ThreadPool pool(threads);
    for (const std::int64_t count : {1, 2, 7, 100, 1000})
      for (const std::int64_t most : {1, 3, 64})
        for (const std::int64_t least : {1, 3, 9}) {
          if (least > most) continue;
          std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
          std::atomic<bool> too_long = false;
          std::atomic<int> short_ones = 0;
          pool.parallel_for_tapering(count, most, least, [&](std::int64_t begin, std::int64_t end) {
            if (end - begin > most && count > 1) too_long = true;
            if (end - begin < least) ++short_ones;
            for (std::int64_t i = begin; i < end; ++i) ++calls[static_cast<std::size_t>(i)];
          });
          EXPECT_TRUE(std::ranges::all_of(calls, [](const auto& n) { return n == 1; }))
              << count << " by " << most << " on " << threads << " threads";
          EXPECT_FALSE(too_long);
          // Where no chunk may be longer, the last of a share is what is left.
          const int rests = least == most ? std::max(16, threads) : count < least ? 1 : 0;
          EXPECT_LE(short_ones, rests) << count << " by " << least << " to " << most;
        }
  }
}

// Two threads, which wait for each other in their first chunks.
TEST(ThreadPool, EveryLoopGivesAThreadTheSameShare) {
  ThreadPool pool(2);
  std::array<std::thread::id, 2> first_loop;
  for (const std::int64_t count : {8, 80, 2}) {
    std::barrier both(2);
    std::array<std::thread::id, 2> owners;
    std::atomic<int> begun = 0;
    pool.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t) {
      if (++begun > 2) return;
      EXPECT_TRUE(begin == 0 || begin == count / 2) << begin << " of " << count;
      owners[begin == 0 ? 0 : 1] = std::this_thread::get_id();
      both.arrive_and_wait();
    });
    EXPECT_EQ(owners[0], std::this_thread::get_id());
    if (count == 8) first_loop = owners;
    EXPECT_EQ(owners, first_loop);
  }
}

// The last of the other's chunks first, so that what it does next is still its own.
TEST(ThreadPool, WhoIsDoneTakesFromTheEndOfWhatIsLeft) {
  ThreadPool pool(2);
  std::atomic<int> done = 0;
  std::atomic<bool> worker_is_in = false;
  std::vector<std::int64_t> taken;
  pool.parallel_for(8, 1, [&](std::int64_t begin, std::int64_t) {
    // The worker's first: it stays there until the caller has done all else, or it would be the caller's,
    // too.
    while (begin == 0 && !worker_is_in) std::this_thread::yield();
    if (begin == 4) {
      worker_is_in = true;
      while (done < 7) std::this_thread::yield();
      return;
    }
    taken.push_back(begin);
    ++done;
  });
  EXPECT_EQ(taken, (std::vector<std::int64_t>{0, 1, 2, 3, 7, 6, 5}));
}

TEST(ThreadPool, WhoeverHasAPlaceComputesAloneWhereAllAreTaken) {
  constexpr int kThreads = 3;
  ThreadPool pool(kThreads);
  std::barrier all(kThreads);
  std::atomic<int> elsewhere = 0, sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kThreads; ++caller)
    callers.emplace_back([&] {
      const ThreadPool::Place place(pool), again(pool);
      const auto own = std::this_thread::get_id();
      all.arrive_and_wait();
      for (int loop = 0; loop < 50; ++loop)
        pool.parallel_for(20, 1, [&](std::int64_t begin, std::int64_t end) {
          if (std::this_thread::get_id() != own) ++elsewhere;
          sum += static_cast<int>(end - begin);
        });
      all.arrive_and_wait();
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(sum, kThreads * 50 * 20);
}

TEST(ThreadPool, WorkersHelpWherePlacesAreLeft) {
  ThreadPool pool(3);
  const ThreadPool::Place place(pool);
  // Ends only if all three meet.
  const auto meet = [&] {
    std::barrier all(3);
    pool.parallel_for(3, 1, [&](std::int64_t, std::int64_t) { all.arrive_and_wait(); });
  };
  meet();
  std::thread([&] { const ThreadPool::Place other(pool); }).join();
  meet();
}

TEST(ThreadPool, MoreThreadsMayHavePlacesThanItHas) {
  ThreadPool pool(2);
  std::atomic<int> computing = 0, most = 0, sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 5; ++caller)
    callers.emplace_back([&] {
      const ThreadPool::Place place(pool);
      for (int loop = 0; loop < 50; ++loop)
        pool.parallel_for(20, 1, [&](std::int64_t begin, std::int64_t end) {
          const int now = ++computing;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          sum += static_cast<int>(end - begin);
          --computing;
        });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 5 * 50 * 20);
  EXPECT_LE(most, 2);
}

TEST(ThreadPool, ALoopInsideALoopRunsInItsThread) {
  ThreadPool pool(3);
  std::atomic<int> sum = 0;
  pool.parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto thread = std::this_thread::get_id();
    for (std::int64_t i = begin; i < end; ++i)
      pool.parallel_for(5, 1, [&](std::int64_t b, std::int64_t e) {
        EXPECT_EQ(std::this_thread::get_id(), thread);
        sum += static_cast<int>(e - b);
      });
  });
  EXPECT_EQ(sum, 8 * 5);
}

TEST(ThreadPool, KeepsTheErrorsOfItsCallersApart) {
  ThreadPool pool(2);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&, c] {
      for (int i = 0; i < 50; ++i) {
        std::string met;
        try {
          pool.parallel_for(20, 1, [&](std::int64_t begin, std::int64_t) {
            if (c % 2 == 0 && begin == 10) fail("{}", c);
          });
        } catch (const Error& e) {
          met = e.what();
        }
        if (met != (c % 2 == 0 ? std::to_string(c) : "")) ++wrong;
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadPool, IsUsableAfterALoopThatThrew) {
  ThreadPool pool(2);
  const auto throwing = [](std::int64_t, std::int64_t) { throw std::runtime_error("no"); };
  EXPECT_THROW(pool.parallel_for(10, 1, throwing), std::runtime_error);
  std::atomic<int> sum = 0;
  pool.parallel_for(10, 1,
                    [&](std::int64_t begin, std::int64_t end) { sum += static_cast<int>(end - begin); });
  EXPECT_EQ(sum, 10);
}

}  // namespace
}  // namespace san
