#pragma once
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace san::cli {

/// Takes items from next() until it returns nothing, gives each to work(item) in one of `jobs`
/// threads, and the results to commit(result) in the order of the items, one at a time. Nobody runs ahead of
/// what was committed by more than a few items, so that memory does not grow with their number. What any of
/// the three throws ends the work after the items that are being worked on, and is thrown here: the first of
/// them.
template <class Next, class Work, class Commit>
void run_in_order(int jobs, const Next& next, const Work& work, const Commit& commit) {
  if (jobs <= 1) {
    while (auto item = next()) commit(work(*item));
    return;
  }
  using Item = typename decltype(next())::value_type;
  using Result = decltype(work(std::declval<Item&>()));
  struct Shared {
    std::mutex taking, mutex;
    std::condition_variable room;
    std::map<long, Result> finished;
    long taken = 0, committed = 0;
    bool ended = false, committing = false;
    std::exception_ptr error;
  } s;
  const long ahead = 2L * jobs;
  const auto stop = [&](const std::exception_ptr& error) {
    const std::lock_guard lock(s.mutex);
    if (!s.error) s.error = error;
    s.ended = true;
    s.room.notify_all();
  };
  const auto take = [&](long& number) -> std::optional<Item> {
    const std::lock_guard turn(
        s.taking);  // next() may wait for a long time: not under the mutex of the others
    {
      std::unique_lock lock(s.mutex);
      s.room.wait(lock, [&] { return s.ended || s.taken - s.committed < ahead; });
      if (s.ended) return {};
    }
    std::optional<Item> item = next();
    const std::lock_guard lock(s.mutex);
    if (!item) s.ended = true;
    number = s.taken;
    if (item) ++s.taken;
    s.room.notify_all();
    return item;
  };
  const auto deliver = [&](long number, Result result) {
    std::unique_lock lock(s.mutex);
    s.finished.emplace(number, std::move(result));
    if (s.committing) return;
    s.committing = true;
    while (!s.finished.empty() && s.finished.begin()->first == s.committed) {
      Result ready = std::move(s.finished.begin()->second);
      s.finished.erase(s.finished.begin());
      lock.unlock();
      commit(std::move(ready));
      lock.lock();
      ++s.committed;
      s.room.notify_all();
    }
    s.committing = false;
  };
  std::vector<std::thread> workers;
  for (int worker = 0; worker < jobs; ++worker)
    workers.emplace_back([&] {
      try {
        long number = 0;
        while (auto item = take(number)) deliver(number, work(*item));
      } catch (...) {
        stop(std::current_exception());
      }
    });
  for (std::thread& worker : workers) worker.join();
  if (s.error) std::rethrow_exception(s.error);
}

}  // namespace san::cli
