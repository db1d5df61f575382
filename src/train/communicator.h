#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/torch/torch_headers.h"

namespace san {

/// Which process of how many this is, as launchers tell it.
struct Ranks {
  int rank = 0, size = 1, local_rank = 0;
  std::string address = "127.0.0.1";
  int port = 29500;
  std::chrono::seconds timeout = std::chrono::minutes(30);  ///< without an answer, the others count as lost
};

/// From what torchrun (RANK, WORLD_SIZE, LOCAL_RANK), Slurm's srun (SLURM_PROCID, SLURM_STEP_NUM_TASKS,
/// SLURM_LOCALID) or mpirun (OMPI_COMM_WORLD_*, PMI_*) set, with MASTER_ADDR, MASTER_PORT and SAN_TIMEOUT_S.
/// One process where none did. Throws Error when they contradict themselves, or processes span machines and
/// MASTER_ADDR is missing.
Ranks ranks_from_environment(const std::function<const char*(const char*)>& get);

/// The processes of one data-parallel run. Every member function is called by all of them in the same order.
/// When one dies, the others throw Error; when one no longer answers, after the timeout.
class Communicator {
 public:
  /// One process: nothing to communicate.
  Communicator();
  /// Joins the others; NCCL for CUDA tensors where the build has it, else Gloo. Waits at most five minutes
  /// for all to come.
  Communicator(const Ranks& ranks, at::Device device);
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return ranks_.rank; }
  int size() const { return ranks_.size; }
  bool first() const { return ranks_.rank == 0; }

  /// The sum over all processes, in place.
  void sum(at::Tensor& tensor);
  /// The same in the background; the result is there after the returned function was called.
  std::function<void()> sum_in_background(at::Tensor tensor);
  /// The first process's values, in place.
  void broadcast(at::Tensor& tensor);
  /// Every process's text, by rank.
  std::vector<std::string> gather(const std::string& text);
  /// Every process's rows [B, D], by rank: [size·B, D]. Differentiable.
  at::Tensor gather_rows(const at::Tensor& rows);

 private:
  struct Group;
  template <class Call>
  auto guarded(Call&& call);

  Ranks ranks_;
  std::unique_ptr<Group> group_;
};

}  // namespace san
