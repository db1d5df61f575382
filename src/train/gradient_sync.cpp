#include "train/gradient_sync.h"

#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <numeric>

namespace san {

struct GradientSync::Hooks {
  std::vector<std::pair<std::shared_ptr<torch::autograd::Node>, std::uintptr_t>> nodes;
};

GradientSync::GradientSync(TorchParameters& parameters, Optimizer& optimizer, Communicator& communicator,
                           std::int64_t bucket_bytes)
    : optimizer_(optimizer), communicator_(communicator), hooks_(std::make_unique<Hooks>()) {
  if (communicator.size() == 1) return;
  const std::int64_t most = bucket_bytes / static_cast<std::int64_t>(sizeof(float));
  for (const Optimizer::Range& range : optimizer.ranges()) {
    if (buckets_.empty() || range.end - buckets_.back().begin > most)
      buckets_.push_back({range.begin, range.end});
    buckets_.back().end = range.end;
    ++buckets_.back().parameters;
    const std::size_t index = buckets_.size() - 1;
    // Held on to: the engine finds the same node again only while somebody owns it.
    auto node = torch::autograd::impl::grad_accumulator(parameters[range.name]);
    using torch::autograd::utils::LambdaPostHook;
    const std::uintptr_t key = node->add_post_hook(std::make_unique<LambdaPostHook>(
        [this, index](const torch::autograd::variable_list& outputs, const torch::autograd::variable_list&) {
          ready(index);
          return outputs;
        }));
    hooks_->nodes.emplace_back(std::move(node), key);
  }
}

GradientSync::~GradientSync() {
  for (auto& [node, key] : hooks_->nodes) node->del_post_hook(key);
}

void GradientSync::arm() {
  for (Bucket& b : buckets_) b.pending = b.parameters;
  completed_.clear(), waiting_.clear();
  launched_ = 0;
  armed_ = true;
}

void GradientSync::ready(std::size_t bucket) {
  if (!armed_ || --buckets_[bucket].pending > 0) return;
  completed_.push_back(bucket);
  while (launched_ < order_.size() && buckets_[order_[launched_]].pending == 0) launch(order_[launched_++]);
}

void GradientSync::launch(std::size_t bucket) {
  const Bucket& b = buckets_[bucket];
  waiting_.push_back(
      communicator_.sum_in_background(optimizer_.gradients().narrow(0, b.begin, b.end - b.begin)));
}

void GradientSync::finish() {
  if (buckets_.empty()) return;
  armed_ = false;
  if (order_.empty()) agree_on_order();
  while (launched_ < order_.size()) launch(order_[launched_++]);
  for (const auto& wait : waiting_) wait();
  const at::NoGradGuard guard;
  at::Tensor(optimizer_.gradients()).div_(communicator_.size());
}

void GradientSync::agree_on_order() {
  // Buckets without a gradient this time come last.
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    if (std::ranges::find(completed_, i) == completed_.end()) completed_.push_back(i);
  at::Tensor order = at::tensor(std::vector<std::int64_t>(completed_.begin(), completed_.end()), at::kLong);
  communicator_.broadcast(order);
  const std::int64_t* values = order.data_ptr<std::int64_t>();
  order_.assign(values, values + order.numel());
}

}  // namespace san
