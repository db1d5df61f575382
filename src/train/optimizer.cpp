#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "backend/torch/matmul.h"
#include "base/error.h"

namespace san {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// "norm1.weight", "ln_post.bias"; the fusion layers' norms are not of this kind (docs/network.md §11).
bool is_block_norm(const std::string& name) {
  const std::size_t end = name.rfind('.');
  if (end == std::string::npos) return false;
  const std::size_t begin = name.rfind('.', end - 1);
  const std::string_view module = std::string_view(name).substr(
      begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1));
  return module.starts_with("norm") || module.starts_with("ln_");
}

bool is_clip(const std::string& name) {
  return name.starts_with("clip_") || name.starts_with("ov_classifier.transformer") ||
         name == "ov_classifier.positional_embedding";
}

bool is_block_matrix(const std::string& name, const at::Tensor& leaf) {
  return leaf.dim() == 2 && (contains(name, "resblocks.") || contains(name, ".blocks.")) &&
         (name.ends_with("weight"));
}

}  // namespace

double weight_decay_of(const std::string& name, const OptimizerOptions& o) {
  if (is_block_norm(name)) return o.weight_decay_norm;
  for (const char* part : {"absolute_pos_embed", "positional_embedding", "pos_embed", "query_embed"})
    if (contains(name, part)) return o.weight_decay_embed;
  return o.weight_decay;
}

Optimizer::Optimizer(TorchParameters& parameters, const OptimizerOptions& options) : options_(options) {
  // Members of one group lie together: (matrix shape, rate, decay) orders them.
  using Key = std::tuple<std::int64_t, std::int64_t, double, double>;
  std::map<Key, std::vector<std::string>> by_group;
  for (const std::string& name : parameters.trainable_names()) {
    const at::Tensor& leaf = parameters[name];
    leaves_.emplace(name, leaf);
    const double scale = is_clip(name) ? options.clip_multiplier : 1;
    if (options.muon && is_block_matrix(name, leaf)) {
      // A fused query-key-value projection is three matrices, one upon the other.
      const std::int64_t rows =
          contains(name, "in_proj") || contains(name, "qkv") ? leaf.size(0) / 3 : leaf.size(0);
      by_group[{rows, leaf.size(1), options.muon_lr * scale, options.muon_weight_decay}].push_back(name);
    } else {
      by_group[{0, 0, options.lr * scale, weight_decay_of(name, options)}].push_back(name);
    }
  }
  require(!leaves_.empty(), "nothing to train: every parameter is frozen");

  std::int64_t offset = 0;
  for (const auto& [key, names] : by_group) {
    Group group;
    std::tie(group.rows, group.columns, group.lr, group.weight_decay) = key;
    group.begin = offset;
    for (const std::string& name : names) {
      ranges_.push_back({name, offset, offset + leaves_.at(name).numel()});
      offset = ranges_.back().end;
    }
    group.end = offset;
    groups_.push_back(group);
  }
  values_ = at::empty({offset}, at::TensorOptions().device(parameters.device()).dtype(at::kFloat));
  gradients_ = at::zeros_like(values_);
  first_ = at::zeros_like(values_);
  second_ = at::zeros_like(values_);
  for (const Range& range : ranges_) {
    at::Tensor& leaf = leaves_.at(range.name);
    const at::NoGradGuard guard;
    const at::Tensor home = values_.narrow(0, range.begin, range.end - range.begin).view(leaf.sizes());
    home.copy_(leaf);
    leaf.set_data(home);
    leaf.mutable_grad() = gradients_.narrow(0, range.begin, range.end - range.begin).view(leaf.sizes());
  }
}

void Optimizer::zero_grad() {
  gradients_.zero_();
}

at::Tensor Optimizer::norm(double divisor) {
  const at::NoGradGuard guard;
  if (divisor != 1) gradients_.mul_(1 / divisor);
  return gradients_.norm();
}

void Optimizer::step(double lr_factor, const at::Tensor& norm) {
  const at::NoGradGuard guard;
  if (options_.clip_norm > 0) gradients_.mul_((options_.clip_norm / (norm + 1e-6)).clamp_max(1.0));
  ++steps_;
  for (const Group& group : groups_)
    if (group.rows > 0)
      muon(group, lr_factor);
    else
      adamw(group, lr_factor);
}

void Optimizer::adamw(const Group& group, double factor) {
  const auto part = [&](const at::Tensor& all) {
    return all.narrow(0, group.begin, group.end - group.begin);
  };
  at::Tensor value = part(values_), first = part(first_), second = part(second_);
  const at::Tensor gradient = part(gradients_);
  const double lr = group.lr * factor, n = static_cast<double>(steps_);
  value.mul_(1 - lr * group.weight_decay);
  first.mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
  second.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const at::Tensor denominator =
      second.sqrt().div_(std::sqrt(1 - std::pow(options_.beta2, n))).add_(options_.eps);
  value.addcdiv_(first, denominator, -lr / (1 - std::pow(options_.beta1, n)));
}

void Optimizer::muon(const Group& group, double factor) {
  const auto part = [&](const at::Tensor& all) {
    return all.narrow(0, group.begin, group.end - group.begin).view({-1, group.rows, group.columns});
  };
  at::Tensor value = part(values_), momentum = part(first_);
  const at::Tensor gradient = part(gradients_);
  const double lr = group.lr * factor;
  momentum.mul_(options_.muon_momentum).add_(gradient);
  const at::Tensor update = orthogonalized(gradient + momentum * options_.muon_momentum);
  value.mul_(1 - lr * group.weight_decay);
  const double shape_scale =
      std::sqrt(std::max(1.0, static_cast<double>(group.rows) / static_cast<double>(group.columns)));
  value.add_(update.to(at::kFloat), -lr * shape_scale);
}

at::Tensor orthogonalized(const at::Tensor& matrices) {
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = tall ? matrices.transpose(1, 2) : matrices;
  x = x / (x.norm(2, {1, 2}, true) + 1e-7);
  if (x.device().is_cuda()) x = x.to(at::kBFloat16);
  for (int i = 0; i < 5; ++i) {
    // Coefficients of Jordan's quintic: steepest at zero for singular values to end within [0.7, 1.2].
    const at::Tensor a = matmul_fast(x, x.transpose(1, 2));
    const at::Tensor b = a * -4.7750 + matmul_fast(a, a) * 2.0315;
    x = x * 3.4445 + matmul_fast(b, x);
  }
  return tall ? x.transpose(1, 2) : x;
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> all;
  for (const Range& r : ranges_) {
    const at::IntArrayRef shape = leaves_.at(r.name).sizes();
    all["first/" + r.name] = first_.narrow(0, r.begin, r.end - r.begin).view(shape);
    all["second/" + r.name] = second_.narrow(0, r.begin, r.end - r.begin).view(shape);
  }
  return all;
}

void Optimizer::load_state(const std::map<std::string, at::Tensor>& saved, std::int64_t steps) {
  const at::NoGradGuard guard;
  for (auto& [name, tensor] : state()) {
    const auto found = saved.find(name);
    require(found != saved.end() && found->second.sizes() == tensor.sizes(),
            "the checkpoint lacks the optimiser state {} of shape {}: it belongs to another recipe or model",
            name, shape_of(tensor).str());
    at::Tensor(tensor).copy_(found->second);
  }
  steps_ = steps;
}

}  // namespace san
