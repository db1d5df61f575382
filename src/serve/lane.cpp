#include "serve/lane.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include "serve/refusal.h"

namespace san::serve {

namespace {
using Clock = std::chrono::steady_clock;
constexpr auto kLook =
    std::chrono::milliseconds(20);  // how often a caller is asked whether it is still there

double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}
}  // namespace

struct Lane::Job {
  const Work& work;
  Clock::time_point came = Clock::now(), began{};
  std::atomic<bool> cancelled{false};
  bool done = false;
  std::exception_ptr failure{};
};

Lane::Lane(int workers, std::size_t most_waiting) : most_waiting_(most_waiting), workers_(workers) {
  for (int i = 0; i < workers; ++i) threads_.emplace_back([this, i] { work(i); });
}

Lane::~Lane() {
  stop();
  cancel_all();
  for (std::thread& thread : threads_) thread.join();
}

int Lane::wait_s() const {
  const double work = mean_seconds_ * static_cast<double>(waiting_.size() + 1) / workers_;
  return static_cast<int>(std::clamp(std::ceil(work), 1.0, 60.0));
}

double Lane::run(const Work& work, const Caller& caller) {
  Job job{work};
  std::unique_lock lock(mutex_);
  if (stopping_) refuse_for_now(503, "stopping", "the service is stopping; ask another instance", 5);
  if (waiting_.size() >= most_waiting_)
    throw Refusal(503, "busy",
                  fmt::format("{} requests are waiting already; try again later", waiting_.size()), "",
                  wait_s());
  waiting_.push_back(&job);
  wake_.notify_one();
  bool late = false;
  while (!done_.wait_for(lock, kLook, [&] { return job.done; })) {
    if (job.cancelled) continue;  // it was told, and will end
    late = Clock::now() >= caller.deadline;
    bool gone = late;
    if (!gone && caller.gone) {
      lock.unlock();
      gone = caller.gone();
      lock.lock();
      if (job.done) break;
    }
    if (!gone) continue;
    job.cancelled = true;
    if (std::erase(waiting_, &job) > 0) break;  // nobody had begun it
  }
  if (late) refuse_for_now(503, "too_slow", "the work took longer than a request may", wait_s());
  if (job.failure) std::rethrow_exception(job.failure);
  if (!job.done) throw Cancelled("the client is gone");
  return seconds(job.began - job.came);
}

void Lane::work(int worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job* job = waiting_.front();
    waiting_.pop_front();
    running_.push_back(job);
    job->began = Clock::now();
    if (stopping_) {
      job->failure = std::make_exception_ptr(
          Refusal(503, "stopping", "the service is stopping; ask another instance", "", 5));
    } else {
      lock.unlock();
      std::exception_ptr failure;
      try {
        job->work(worker, job->cancelled);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      job->failure = failure;
      constexpr double kShare = 0.1;  // of the newest in the mean
      const double took = seconds(Clock::now() - job->began);
      mean_seconds_ = mean_seconds_ == 0 ? took : (1 - kShare) * mean_seconds_ + kShare * took;
    }
    std::erase(running_, job);
    job->done = true;
    done_.notify_all();
  }
}

void Lane::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
}

void Lane::cancel_all() {
  const std::lock_guard lock(mutex_);
  for (Job* job : running_) job->cancelled = true;
}

Lane::State Lane::state() const {
  const std::lock_guard lock(mutex_);
  return {waiting_.size(), running_.size(), mean_seconds_};
}

}  // namespace san::serve
