#pragma once
#include <memory>

#include "san/error.hpp"

namespace san {

class ThreadPool;

/// Threads that any number of models and segmenters share: at most this many compute at any time, whoever
/// calls. Each caller's own thread counts while it computes. Copies are the same budget.
class SAN_API ThreadBudget {
 public:
  /// 0: one per processor that the process may use. Throws Error on less, or on more than 1024.
  explicit ThreadBudget(int threads = 0);
  int threads() const;

 private:
  friend class Model;
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace san
