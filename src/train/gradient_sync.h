#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "train/communicator.h"
#include "train/optimizer.h"

namespace san {

/// Averages gradients over processes in buckets, each sent as soon as the backward pass has finished with it.
class GradientSync {
 public:
  GradientSync(TorchParameters& parameters, Optimizer& optimizer, Communicator& communicator,
               std::int64_t bucket_bytes = std::int64_t{8} << 20);
  ~GradientSync();

  /// The backward pass that comes is the last one of this step: its buckets may be sent.
  void arm();
  /// Waits until all gradients are averages.
  void finish();

 private:
  struct Bucket {
    std::int64_t begin = 0, end = 0;
    int parameters = 0, pending = 0;
  };
  void ready(std::size_t bucket);
  void launch(std::size_t bucket);
  void agree_on_order();

  Optimizer& optimizer_;
  Communicator& communicator_;
  std::vector<Bucket> buckets_;
  std::vector<std::size_t>
      order_;  ///< in which buckets are sent, the same everywhere; empty before the first step
  std::vector<std::size_t> completed_;  ///< as they became ready this time
  std::size_t launched_ = 0;
  bool armed_ = false;
  std::vector<std::function<void()>> waiting_;
  struct Hooks;
  std::unique_ptr<Hooks> hooks_;
};

}  // namespace san
