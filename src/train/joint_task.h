#pragma once
#include <memory>
#include <string>

#include "train/task.h"

namespace san {

/// Two tasks on one backend, trained in the same step: the losses are added, the second weighted. What is
/// measured, shown and written is the first one's; the second's measurements follow under its name.
class JointTask : public TrainingTask {
 public:
  /// The tasks must share their backend; Error otherwise.
  JointTask(std::shared_ptr<TrainingTask> first, std::shared_ptr<TrainingTask> second, double weight,
            std::string second_name);

  TorchBackend& backend() override { return first_->backend(); }
  std::int64_t images_per_batch() const override { return first_->images_per_batch(); }
  void start(const std::string& stream) override;
  void fetch(double progress) override;
  int parts() const override { return first_->parts(); }
  /// The second task's loss comes with the first's last part.
  StepLoss loss(std::int64_t step, int part) override;
  std::string stream_state() const override;
  NamedValues evaluate(const EvaluationRun& run) override;
  std::vector<SamplePicture> samples() override { return first_->samples(); }
  NamedValues class_values() const override { return first_->class_values(); }
  void export_model(const std::filesystem::path& path) override { first_->export_model(path); }

 private:
  std::shared_ptr<TrainingTask> first_, second_;
  double weight_;
  std::string second_name_;
};

}  // namespace san
