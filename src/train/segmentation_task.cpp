#include "train/segmentation_task.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "train/fine_tuning.h"

namespace san {

struct SegmentationTask::Batch {
  std::vector<std::uint64_t> positions;
  Stream after;
  at::Tensor images;  // [B, H, W, 3] bytes
  at::Tensor labels;  // [B, H, W] int32, −1: ignored
  std::vector<std::vector<std::int64_t>> classes;
};

SegmentationTask::SegmentationTask(const Recipe& recipe, std::shared_ptr<const SampleSource> samples,
                                   std::shared_ptr<const EvaluationSet> evaluation,
                                   const TorchOptions& options, std::shared_ptr<Communicator> communicator)
    : recipe_(recipe),
      samples_(std::move(samples)),
      evaluation_(std::move(evaluation)),
      backend_(std::make_shared<TorchBackend>(options)),
      options_(options),
      communicator_(std::move(communicator)),
      model_(start_model(recipe)) {
  if (recipe_.micro_batch <= 0 || recipe_.micro_batch > recipe_.batch) recipe_.micro_batch = recipe_.batch;
  model_.metadata.extra["fine_tuning"] = fine_tuning_facts(recipe_);
  const TrainableRule rule = trainable_rule(recipe_.model.trainable);
  require(!rule("ov_classifier.token_embedding.weight"),
          "MODEL.TRAINABLE: the text tower is frozen when masks are trained: class names are embedded once");
  text_ = embed_classes(model_, samples_->vocabulary(), "", options_);
  if (evaluation_) evaluation_text_ = embed_classes(model_, evaluation_->vocabulary(), "", options_);
  network_ = std::make_unique<TrainableSan>(backend_, *model_.parameters, model_.config, rule);
}

SegmentationTask::~SegmentationTask() = default;

std::unique_ptr<SegmentationTask::Batch> SegmentationTask::begin_batch() {
  const auto size = static_cast<std::size_t>(recipe_.batch);
  auto batch = std::make_unique<Batch>();
  while (batch->positions.empty()) {
    const std::uint64_t position = stream_.next++ * static_cast<std::uint64_t>(communicator_->size()) +
                                   static_cast<std::uint64_t>(communicator_->rank());
    stream_.waiting.push_back(position);
    const int group = samples_->group(position);
    std::vector<std::uint64_t> alike;
    for (const std::uint64_t p : stream_.waiting)
      if (samples_->group(p) == group) alike.push_back(p);
    if (alike.size() < size) continue;
    batch->positions = alike;
    std::erase_if(stream_.waiting, [&](std::uint64_t p) { return samples_->group(p) == group; });
  }
  ++stream_.batches;
  batch->after = stream_;
  const std::int64_t count = recipe_.batch, height = samples_->height(), width = samples_->width();
  const auto options = at::TensorOptions().pinned_memory(backend_->device().is_cuda());
  batch->images = at::empty({count, height, width, 3}, options.dtype(at::kByte));
  batch->labels = at::empty({count, height, width}, options.dtype(at::kInt));
  batch->classes.resize(size);
  return batch;
}

void SegmentationTask::start(const std::string& stream) {
  loader_.reset();
  if (!stream.empty()) {
    const std::string where = "the checkpoint's place in the data";
    const nlohmann::json saved = parse_bounded_json(stream, where);
    const auto number = [&](const nlohmann::json& value) {
      return static_cast<std::uint64_t>(json_integer(value, 0, INT64_MAX, where));
    };
    consumed_ = {number(saved.at("next")), number(saved.at("batches")), {}};
    require(saved.at("waiting").is_array(), "{}: \"waiting\" must be a list", where);
    for (const nlohmann::json& picture : saved.at("waiting")) consumed_.waiting.push_back(number(picture));
    // A step may have been left between its parts.
    if (saved.contains("micro_batch"))
      recipe_.micro_batch = static_cast<int>(json_integer(saved["micro_batch"], 1, recipe_.batch, where));
  }
  stream_ = consumed_;
  Loader<Batch>::Source source;
  source.slots = recipe_.batch;
  source.begin = [this] { return begin_batch(); };
  source.fill = [this](Batch& batch, int slot) {
    const auto i = static_cast<std::size_t>(slot);
    const auto pixels =
        static_cast<std::size_t>(samples_->height()) * static_cast<std::size_t>(samples_->width());
    auto* labels = reinterpret_cast<Label*>(batch.labels.data_ptr<std::int32_t>()) + i * pixels;
    samples_->fill(batch.positions[i], batch.images.data_ptr<std::uint8_t>() + i * pixels * 3, labels);
    batch.classes[i] = classes_present({labels, pixels}, kNoLabel);
  };
  const int workers =
      recipe_.data.workers > 0 ? recipe_.data.workers : std::max(1, available_processors() - 1);
  loader_ = std::make_unique<Loader<Batch>>(std::move(source), workers, recipe_.data.ahead);
}

void SegmentationTask::fetch(double) {
  batch_ = loader_->next();
  consumed_ = batch_->after;
  const at::Device device = backend_->device();
  images_ = normalized_images(batch_->images.to(device, /*non_blocking=*/true));
  targets_ = {batch_->labels.to(device, /*non_blocking=*/true), batch_->classes};
  const Normalizers own = local_normalizers(targets_, model_.config.queries, recipe_.loss);
  at::Tensor sums = at::tensor({own.masks, own.class_weight}, at::kDouble);
  communicator_->sum(sums);
  const double ranks = communicator_->size();
  normalizers_ = {sums[0].item<double>() / ranks, sums[1].item<double>() / ranks};
}

StepLoss SegmentationTask::loss(std::int64_t, int part) {
  const std::int64_t begin = std::int64_t{part} * recipe_.micro_batch;
  const std::int64_t count = std::min<std::int64_t>(recipe_.micro_batch, recipe_.batch - begin);
  const Targets targets{targets_.labels.narrow(0, begin, count),
                        {targets_.classes.begin() + begin, targets_.classes.begin() + begin + count}};
  SeededPoints points(backend_->device(), recipe_.seed, static_cast<std::int64_t>(consumed_.batches),
                      std::int64_t{communicator_->rank()} * recipe_.batch + begin);
  Losses losses = criterion(network_->forward(images_.narrow(0, begin, count), text_), targets, recipe_.loss,
                            normalizers_, points);
  return {losses.total, std::move(losses.terms)};
}

std::string SegmentationTask::stream_state() const {
  return nlohmann::json{{"next", consumed_.next},
                        {"batches", consumed_.batches},
                        {"waiting", consumed_.waiting},
                        {"micro_batch", recipe_.micro_batch}}
      .dump();
}

void SegmentationTask::export_model(const std::filesystem::path& path) {
  model_.write(path, *backend_->parameters());
}

}  // namespace san
