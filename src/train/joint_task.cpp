#include "train/joint_task.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace san {

JointTask::JointTask(std::shared_ptr<TrainingTask> first, std::shared_ptr<TrainingTask> second, double weight,
                     std::string second_name)
    : first_(std::move(first)),
      second_(std::move(second)),
      weight_(weight),
      second_name_(std::move(second_name)) {
  require(&first_->backend() == &second_->backend(), "tasks that train together must share their backend");
}

void JointTask::start(const std::string& stream) {
  if (stream.empty()) {
    first_->start(""), second_->start("");
    return;
  }
  const nlohmann::json streams = nlohmann::json::parse(stream);
  first_->start(streams.at(0).get<std::string>());
  second_->start(streams.at(1).get<std::string>());
}

void JointTask::fetch(double progress) {
  first_->fetch(progress);
  second_->fetch(progress);
}

StepLoss JointTask::loss(std::int64_t step, int part) {
  StepLoss sum = first_->loss(step, part);
  if (part + 1 < first_->parts()) return sum;
  StepLoss other = second_->loss(step, 0);
  sum.terms.emplace_back("loss_" + second_name_, other.total);
  for (auto& term : other.terms) sum.terms.push_back(std::move(term));
  sum.total = sum.total + weight_ * other.total;
  return sum;
}

std::string JointTask::stream_state() const {
  return nlohmann::json{first_->stream_state(), second_->stream_state()}.dump();
}

NamedValues JointTask::evaluate(const EvaluationRun& run) {
  NamedValues values = first_->evaluate(run);
  if (values.empty()) return values;
  const NamedValues others = second_->evaluate(run);
  if (run.interrupted()) return {};
  for (const auto& [name, value] : others) values.emplace_back(second_name_ + "_" + name, value);
  return values;
}

}  // namespace san
