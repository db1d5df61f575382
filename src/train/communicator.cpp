#include "train/communicator.h"

#ifdef SAN_TORCH_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef SAN_TORCH_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#if defined(SAN_TORCH_GLOO) || defined(SAN_TORCH_NCCL)
#define SAN_DISTRIBUTED 1
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/error.h"

namespace san {
namespace {

int number(const char* name, const char* text) {
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  require(error == std::errc() && stop == end && value >= 0, "environment: {} is '{}', not a number", name,
          text);
  return value;
}

}  // namespace

Ranks ranks_from_environment(const std::function<const char*(const char*)>& get) {
  struct Launcher {
    const char *rank, *size, *local_rank;
  };
  const Launcher launchers[] = {
      {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
      {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
      {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"}};
  Ranks r;
  for (const Launcher& l : launchers) {
    const char *rank = get(l.rank), *size = get(l.size), *local = get(l.local_rank);
    if (!rank || !size) continue;
    r.rank = number(l.rank, rank), r.size = number(l.size, size);
    r.local_rank = local ? number(l.local_rank, local) : r.rank;
    require(r.size >= 1 && r.rank < r.size, "environment: {} is {}, {} is {}", l.rank, r.rank, l.size,
            r.size);
    break;
  }
  if (const char* port = get("MASTER_PORT")) r.port = number("MASTER_PORT", port);
  if (const char* timeout = get("SAN_TIMEOUT_S")) {
    r.timeout = std::chrono::seconds(number("SAN_TIMEOUT_S", timeout));
    require(r.timeout.count() > 0, "environment: SAN_TIMEOUT_S must be above 0 seconds");
  }
  if (const char* address = get("MASTER_ADDR"))
    r.address = address;
  else
    require(r.size == 1 || r.rank == r.local_rank,
            "environment: the processes span machines; set MASTER_ADDR to the address of the first");
  return r;
}

#ifdef SAN_DISTRIBUTED
#if SAN_TORCH_AT_LEAST(2, 0)
using ProcessGroupBase = c10d::Backend;
#else
using ProcessGroupBase = c10d::ProcessGroup;
#endif

struct Communicator::Group {
  c10::intrusive_ptr<ProcessGroupBase> process_group;
  at::Device device = at::kCPU;  ///< where tensors have to be
  std::chrono::seconds timeout{};

  /// Returns when the result is there; throws when who should bring it is gone, or silent for too long.
  void wait(c10d::Work& work) const {
    if (device.is_cuda()) {
      // NCCL's own wait() only queues up behind the result, and so would never tell.
      const auto deadline = std::chrono::steady_clock::now() + timeout;
      while (!work.isCompleted()) {
        require(std::chrono::steady_clock::now() < deadline, "no answer in {} s", timeout.count());
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
      if (const std::exception_ptr error = work.exception()) std::rethrow_exception(error);
    }
    work.wait();
  }
  at::Tensor staged(const at::Tensor& t) const { return device.is_cuda() && t.is_cpu() ? t.to(device) : t; }
};

template <class Call>
auto Communicator::guarded(Call&& call) {
  try {
    return call();
  } catch (const std::exception& e) {
    const std::string_view all = e.what();
    fail(
        "process {} of {} lost the others: one of them has ended or cannot be reached ({}). Look at its own "
        "message; "
        "the run can go on from its last checkpoint with --resume",
        ranks_.rank, ranks_.size, all.substr(0, std::min<std::size_t>(all.find('\n'), 200)));
  }
}

Communicator::Communicator(const Ranks& ranks, [[maybe_unused]] at::Device device) : ranks_(ranks) {
  if (ranks_.size == 1) return;
#ifndef SAN_TORCH_GLOO
  require(device.is_cuda(), "this build can train in several processes on CUDA only (it has NCCL, not Gloo)");
#endif
  constexpr std::chrono::minutes kJoin{5};
  group_ = std::make_unique<Group>();
  group_->timeout = ranks_.timeout;
  guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(ranks_.port);
    options.isServer = first();
    options.numWorkers = static_cast<std::size_t>(ranks_.size);
    options.timeout = kJoin;
    const auto store = c10::make_intrusive<c10d::TCPStore>(ranks_.address, options);
#ifdef SAN_TORCH_NCCL
    if (device.is_cuda()) {
      group_->device = device;
      // For what names no device, NCCL's own buffers among it.
      c10::impl::getDeviceGuardImpl(at::kCUDA)->setDevice(device);
      // wait() raises errors here; left to itself, a thread of NCCL's ends the process without a word of
      // ours.
      ::setenv(SAN_TORCH_AT_LEAST(2, 2) ? "TORCH_NCCL_ASYNC_ERROR_HANDLING" : "NCCL_ASYNC_ERROR_HANDLING",
               "0", 0);
      const auto nccl = c10d::ProcessGroupNCCL::Options::create();
      nccl->timeout = ranks_.timeout;
      group_->process_group =
          c10::make_intrusive<c10d::ProcessGroupNCCL>(store, ranks_.rank, ranks_.size, nccl);
      return;
    }
#endif
#ifdef SAN_TORCH_GLOO
    const auto gloo = c10d::ProcessGroupGloo::Options::create(ranks_.timeout);
    const bool local = ranks_.address == "127.0.0.1" || ranks_.address == "localhost";
    gloo->devices.push_back(local ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                  : c10d::ProcessGroupGloo::createDefaultDevice());
    group_->process_group =
        c10::make_intrusive<c10d::ProcessGroupGloo>(store, ranks_.rank, ranks_.size, gloo);
#endif
  });
}

std::function<void()> Communicator::sum_in_background(at::Tensor tensor) {
  if (!group_) return [] {};
  return guarded([&]() -> std::function<void()> {
    std::vector<at::Tensor> tensors{group_->staged(tensor)};
    auto work = group_->process_group->allreduce(tensors);
    return [this, work, tensor, staged = tensors[0]] {
      guarded([&] { group_->wait(*work); });
      if (!staged.is_same(tensor)) at::Tensor(tensor).copy_(staged);
    };
  });
}

void Communicator::broadcast(at::Tensor& tensor) {
  if (!group_) return;
  guarded([&] {
    std::vector<at::Tensor> tensors{group_->staged(tensor)};
    group_->wait(*group_->process_group->broadcast(tensors));
    if (!tensors[0].is_same(tensor)) tensor.copy_(tensors[0]);
  });
}
#else
struct Communicator::Group {};

Communicator::Communicator(const Ranks& ranks, at::Device) : ranks_(ranks) {
  require(ranks_.size == 1,
          "this build cannot train in several processes: its libtorch came without Gloo and NCCL");
}

std::function<void()> Communicator::sum_in_background(at::Tensor) {
  return [] {};
}

void Communicator::broadcast(at::Tensor&) {}
#endif

Communicator::Communicator() = default;
Communicator::~Communicator() = default;

void Communicator::sum(at::Tensor& tensor) {
  sum_in_background(tensor)();
}

std::vector<std::string> Communicator::gather(const std::string& text) {
  if (!group_) return {text};
  at::Tensor lengths = at::zeros({size()}, at::kLong);
  lengths[rank()] = static_cast<std::int64_t>(text.size());
  sum(lengths);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  at::Tensor bytes = at::zeros({size(), longest}, at::kByte);
  if (!text.empty()) std::memcpy(bytes[rank()].data_ptr<std::uint8_t>(), text.data(), text.size());
  sum(bytes);
  std::vector<std::string> all;
  for (int r = 0; r < size(); ++r)
    all.emplace_back(reinterpret_cast<const char*>(bytes[r].data_ptr<std::uint8_t>()),
                     static_cast<std::size_t>(lengths[r].item<std::int64_t>()));
  return all;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Forward: everyone's rows. Backward: what everyone's loss says of ours.
struct GatherRows : torch::autograd::Function<GatherRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, Communicator* communicator) {
    context->saved_data["communicator"] = reinterpret_cast<std::int64_t>(communicator);
    context->saved_data["count"] = rows.size(0);
    at::Tensor all = at::zeros({communicator->size() * rows.size(0), rows.size(1)}, rows.options());
    all.narrow(0, communicator->rank() * rows.size(0), rows.size(0)).copy_(rows);
    communicator->sum(all);
    return all;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): autograd keeps numbers for us, not pointers.
    auto* communicator = reinterpret_cast<Communicator*>(context->saved_data["communicator"].toInt());
    const std::int64_t count = context->saved_data["count"].toInt();
    at::Tensor grad = grads[0].clone();
    communicator->sum(grad);
    return {grad.narrow(0, communicator->rank() * count, count), at::Tensor()};
  }
};

}  // namespace

at::Tensor Communicator::gather_rows(const at::Tensor& rows) {
  return group_ ? GatherRows::apply(rows, this) : rows;
}

}  // namespace san
