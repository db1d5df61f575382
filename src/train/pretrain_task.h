#pragma once
#include <memory>

#include "train/communicator.h"
#include "train/contrastive.h"
#include "train/loader.h"
#include "train/start_model.h"
#include "train/task.h"
#include "world/samplers.h"

namespace san {

/// Trains a small CLIP from nothing on image–text pairs of the demo world: symmetric InfoNCE, learned
/// temperature, its own tokenizer, backgrounds that become real as training goes on.
class PretrainTask : public TrainingTask {
 public:
  PretrainTask(const Recipe& recipe, std::shared_ptr<const World> world, const TorchOptions& options,
               std::shared_ptr<Communicator> communicator = std::make_shared<Communicator>());
  /// On a backend that another task trains with; `trainable`: parts as in MODEL.TRAINABLE, where the other
  /// has not decided already.
  PretrainTask(const Recipe& recipe, std::shared_ptr<const World> world,
               std::shared_ptr<TorchBackend> backend, const std::vector<std::string>& trainable,
               std::shared_ptr<Communicator> communicator);
  ~PretrainTask() override;

  TorchBackend& backend() override { return *backend_; }
  std::int64_t images_per_batch() const override { return recipe_.batch; }
  void start(const std::string& stream) override;
  void fetch(double progress) override;
  StepLoss loss(std::int64_t step, int part) override;
  std::string stream_state() const override;
  /// Zero-shot top-1 and top-5 over all concepts, per art style.
  NamedValues evaluate(const EvaluationRun& run) override;
  void export_model(const std::filesystem::path& path) override;

 private:
  struct Batch;
  double realism(std::uint64_t index) const;

  Recipe recipe_;
  std::shared_ptr<const World> world_;
  std::shared_ptr<TorchBackend> backend_;
  std::shared_ptr<Communicator> communicator_;
  std::unique_ptr<PairSampler> sampler_;
  StartModel model_;
  std::unique_ptr<BpeTokenizer> tokenizer_;
  std::unique_ptr<ContrastiveClip> clip_;
  std::uint64_t next_ = 0, consumed_ = 0;
  std::atomic<double> progress_{0};
  std::unique_ptr<Batch> batch_;
  at::Tensor images_;
  std::unique_ptr<Loader<Batch>> loader_;
};

}  // namespace san
