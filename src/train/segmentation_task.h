#pragma once
#include <memory>

#include "base/labels.h"
#include "train/communicator.h"
#include "train/loader.h"
#include "train/start_model.h"
#include "train/task.h"

namespace san {

/// Where training pictures with labels come from; every sample is a pure function of its place in the stream.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  virtual const std::vector<std::string>& class_names() const = 0;
  /// The classes with their synonyms; none have any unless the source says so.
  virtual std::vector<ClassName> vocabulary() const { return make_classes(class_names()); }
  virtual int height() const = 0;
  virtual int width() const = 0;
  /// Writes height·width·3 bytes and height·width labels.
  virtual void fill(std::uint64_t position, std::uint8_t* rgb, Label* labels) const = 0;
  /// Batches hold samples of one kind (the official sampler groups pictures by orientation).
  virtual int group(std::uint64_t position) const = 0;
};

struct EvaluationPicture {
  Image picture;
  LabelMap truth;  ///< of the picture's size; kNoLabel where nothing is known
  Image shown;     ///< resized for the network
};

/// Held-out pictures with labels, and what to measure on them.
class EvaluationSet {
 public:
  virtual ~EvaluationSet() = default;
  virtual const std::vector<std::string>& class_names() const = 0;
  /// The classes with their synonyms; none have any unless the source says so.
  virtual std::vector<ClassName> vocabulary() const { return make_classes(class_names()); }
  virtual int size() const = 0;
  /// May be called from several threads. `short_side`, `long_side`: the model's, for what it is shown.
  virtual EvaluationPicture load(int index, int short_side, int long_side) const = 0;
  /// Class groups whose mean IoU is reported apart; empty: only the mean over all.
  virtual std::vector<std::pair<std::string, std::vector<int>>> groups() const = 0;
};

/// Trains SAN on labelled pictures by the set criterion.
class SegmentationTask : public TrainingTask {
 public:
  SegmentationTask(const Recipe& recipe, std::shared_ptr<const SampleSource> samples,
                   std::shared_ptr<const EvaluationSet> evaluation, const TorchOptions& options,
                   std::shared_ptr<Communicator> communicator = std::make_shared<Communicator>());
  ~SegmentationTask() override;

  TorchBackend& backend() override { return *backend_; }
  std::int64_t images_per_batch() const override { return recipe_.batch; }
  const SanConfig& config() const { return model_.config; }
  void start(const std::string& stream) override;
  void fetch(double progress) override;
  int parts() const override { return (recipe_.batch + recipe_.micro_batch - 1) / recipe_.micro_batch; }
  StepLoss loss(std::int64_t step, int part) override;
  std::string stream_state() const override;
  /// Whole pictures, labels at their own size: what `san evaluate` measures of the exported model.
  NamedValues evaluate(const EvaluationRun& run) override;
  std::vector<SamplePicture> samples() override;
  NamedValues class_values() const override { return class_values_; }
  void export_model(const std::filesystem::path& path) override;

 private:
  struct Batch;
  /// The place of samples drawn so far (every process takes its share in turn) and those waiting for their
  /// group's batch to fill.
  struct Stream {
    std::uint64_t next = 0, batches = 0;
    std::vector<std::uint64_t> waiting;
  };
  std::unique_ptr<Batch> begin_batch();
  EvaluationPicture load_picture(int index) const;
  /// Labels of pictures whose sizes agree, [B, H, W] int32 on the host.
  at::Tensor label(std::span<const EvaluationPicture> alike, const ClassTexts& text);

  Recipe recipe_;
  std::shared_ptr<const SampleSource> samples_;
  std::shared_ptr<const EvaluationSet> evaluation_;
  std::shared_ptr<TorchBackend> backend_;
  TorchOptions options_;
  std::shared_ptr<Communicator> communicator_;
  StartModel model_;
  std::unique_ptr<TrainableSan> network_;
  ClassTexts text_, evaluation_text_;
  NamedValues class_values_;
  Stream stream_, consumed_;
  std::unique_ptr<Batch> batch_;
  at::Tensor images_;
  Targets targets_;
  Normalizers normalizers_;  ///< of the whole batch, all processes
  std::unique_ptr<Loader<Batch>> loader_;
};

}  // namespace san
