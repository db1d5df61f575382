#include "pipeline.h"

#include <algorithm>
#include <exception>
#include <thread>

#include "san/error.hpp"
#include "video/bounded_queue.h"

namespace san::video {
namespace {

constexpr std::size_t kWaiting = 2;  ///< frames between two stages
// One more is read, one labelled, one written: a live source never waits for memory.
constexpr std::size_t kFrames = 2 * kWaiting + 3;

/// The first failure of any thread; all the others end because of it.
class Failure {
 public:
  void keep(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr failure_;
};

struct Queues {
  explicit Queues(bool live) : read(live ? 1 : kWaiting) {
    for (std::size_t i = 0; i < kFrames; ++i) free.push(std::make_unique<Work>());
  }
  void close() {
    for (BoundedQueue<WorkPtr>* queue : {&free, &read, &labelled}) queue->close();
  }
  BoundedQueue<WorkPtr> free{kFrames}, read, labelled{kWaiting};
};

void read_all(Source& source, Queues& queues, Flow& flow) {
  const bool live = source.facts().live;
  std::vector<PacketPtr> orphans;  // sound of frames that were dropped
  WorkPtr spare;
  while (true) {
    if (!spare) {
      std::optional<WorkPtr> free = queues.free.pop();
      if (!free) return;
      spare = std::move(*free);
    }
    if (!source.read(spare->frame)) break;
    std::vector<PacketPtr>& sound = spare->frame.sound;
    std::move(sound.begin(), sound.end(), std::back_inserter(orphans));
    sound.swap(orphans);
    orphans.clear();
    if (!live) {
      if (!queues.read.push(std::move(spare))) return;
      spare.reset();
      continue;
    }
    std::optional<WorkPtr> dropped = queues.read.push_latest(std::move(spare));
    spare.reset();
    if (!dropped) continue;
    ++flow.dropped;
    spare = std::move(*dropped);
    orphans.swap(spare->frame.sound);
  }
  queues.read.close();
}

}  // namespace

Flow Pipeline::run(Source& source, const Stages& stages) {
  const auto start = std::chrono::steady_clock::now();
  Flow flow;
  Failure failure;
  Queues queues(source.facts().live);
  flow.latencies_ms.reserve(static_cast<std::size_t>(std::max<std::int64_t>(source.facts().frames, 1024)));

  const auto guarded = [&](auto&& body) {
    try {
      body();
    } catch (...) {
      failure.keep(std::current_exception());
      queues.close();
    }
  };
  std::thread reader([&] { guarded([&] { read_all(source, queues, flow); }); });
  std::thread writer([&] {
    guarded([&] {
      while (std::optional<WorkPtr> work = queues.labelled.pop()) {
        Work& w = **work;
        stages.write(w);
        w.latency_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - w.frame.taken)
                .count();
        flow.latencies_ms.push_back(static_cast<float>(w.latency_ms));
        ++flow.frames;
        queues.free.push(std::move(*work));
      }
    });
  });
  guarded([&] {
    while (std::optional<WorkPtr> work = queues.read.pop()) {
      try {
        stages.label(**work);
      } catch (const Cancelled&) {
        break;
      }
      stages.shown(**work);
      if (!queues.labelled.push(std::move(*work))) break;
    }
  });
  queues.read.close();
  queues.free.close();  // a reader that waits for memory ends
  queues.labelled.close();
  reader.join();
  writer.join();
  failure.rethrow();
  flow.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return flow;
}

Spread spread_of(std::vector<float> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return static_cast<double>(
        values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)]);
  };
  return {at(0.5), at(0.95), static_cast<double>(values.back())};
}

}  // namespace san::video
