#include "train/segmentation_task.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "backend/torch/matmul.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "eval/metrics.h"
#include "train/report.h"

namespace san {

struct SegmentationTask::Batch {
  std::vector<std::uint64_t> positions;
  Stream after;
  at::Tensor images;  // [B, H, W, 3] bytes
  at::Tensor labels;  // [B, H, W] int16, −1: ignored
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
  const TrainableRule rule = trainable_rule(recipe_.model.trainable);
  require(!rule("ov_classifier.token_embedding.weight"),
          "MODEL.TRAINABLE: the text tower is frozen when masks are trained: class names are embedded once");
  text_ = embed_class_names(model_, samples_->class_names(), "", options_);
  if (evaluation_) evaluation_text_ = embed_class_names(model_, evaluation_->class_names(), "", options_);
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
  batch->labels = at::empty({count, height, width}, options.dtype(at::kShort));
  batch->classes.resize(size);
  return batch;
}

void SegmentationTask::start(const std::string& stream) {
  loader_.reset();
  if (!stream.empty()) {
    const nlohmann::json saved = nlohmann::json::parse(stream);
    consumed_ = {saved.at("next").get<std::uint64_t>(), saved.at("batches").get<std::uint64_t>(),
                 saved.at("waiting").get<std::vector<std::uint64_t>>()};
  }
  stream_ = consumed_;
  Loader<Batch>::Source source;
  source.slots = recipe_.batch;
  source.begin = [this] { return begin_batch(); };
  source.fill = [this](Batch& batch, int slot) {
    const auto i = static_cast<std::size_t>(slot);
    const auto pixels =
        static_cast<std::size_t>(samples_->height()) * static_cast<std::size_t>(samples_->width());
    auto* labels = reinterpret_cast<std::uint16_t*>(batch.labels.data_ptr<std::int16_t>()) + i * pixels;
    samples_->fill(batch.positions[i], batch.images.data_ptr<std::uint8_t>() + i * pixels * 3, labels);
    batch.classes[i] = classes_present({labels, pixels}, SampleSource::kIgnore);
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
}

StepLoss SegmentationTask::loss(std::int64_t) {
  Normalizers normalizers = local_normalizers(targets_, model_.config.queries, recipe_.loss);
  at::Tensor sums = at::tensor({normalizers.masks, normalizers.class_weight}, at::kDouble);
  communicator_->sum(sums);
  const double ranks = communicator_->size();
  normalizers = {sums[0].item<double>() / ranks, sums[1].item<double>() / ranks};
  SeededPoints points(backend_->device(), recipe_.seed, static_cast<std::int64_t>(consumed_.batches),
                      std::int64_t{communicator_->rank()} * recipe_.batch);
  Losses losses = criterion(network_->forward(images_, text_), targets_, recipe_.loss, normalizers, points);
  return {losses.total, std::move(losses.terms)};
}

std::string SegmentationTask::stream_state() const {
  return nlohmann::json{
      {"next", consumed_.next}, {"batches", consumed_.batches}, {"waiting", consumed_.waiting}}
      .dump();
}

at::Tensor segment(const Prediction& p, std::int64_t height, std::int64_t width) {
  const at::Tensor probability = at::softmax(p.class_logits.to(at::kFloat), -1);
  const at::Tensor classes = probability.narrow(2, 0, probability.size(2) - 1).transpose(1, 2);  // [B, K, Q]
  const std::vector<std::int64_t> size{height, width};
  const at::Tensor masks = at::upsample_bilinear2d(p.mask_logits.to(at::kFloat), size, false, {}, {})
                               .sigmoid()
                               .flatten(2);  // [B, Q, H·W]
  return matmul_fast(classes.contiguous(), masks).argmax(1).view({-1, height, width});
}

NamedValues SegmentationTask::evaluate(bool thorough) {
  if (!evaluation_) return {};
  const at::NoGradGuard guard;
  const int count = thorough ? evaluation_->size() : std::min(evaluation_->size(), recipe_.evaluation_scenes);
  const std::int64_t height = evaluation_->height(), width = evaluation_->width();
  const auto pixels = static_cast<std::size_t>(height * width);
  ConfusionMatrix confusion(static_cast<int>(evaluation_->class_names().size()));
  ThreadPool pool(recipe_.data.workers);
  constexpr int kChunk = 16;
  for (int begin = 0; begin < count; begin += kChunk) {
    const int chunk = std::min(kChunk, count - begin);
    at::Tensor images = at::empty({chunk, height, width, 3}, at::kByte);
    std::vector<std::uint16_t> truth(pixels * static_cast<std::size_t>(chunk));
    pool.parallel_for(chunk, 1, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i)
        evaluation_->fill(begin + static_cast<int>(i),
                          images.data_ptr<std::uint8_t>() + static_cast<std::size_t>(i) * pixels * 3,
                          truth.data() + static_cast<std::size_t>(i) * pixels);
    });
    const std::vector<Prediction> predictions =
        network_->forward(normalized_images(images.to(backend_->device())), evaluation_text_, false);
    const at::Tensor found = segment(predictions.back(), height, width).to(at::kCPU, at::kShort).contiguous();
    confusion.add({reinterpret_cast<const std::uint16_t*>(found.data_ptr<std::int16_t>()), truth.size()},
                  truth, SampleSource::kIgnore);
  }
  const Metrics metrics = compute_metrics(confusion, BoundaryCounts(confusion.classes()));
  class_values_.clear();
  for (std::size_t c = 0; c < metrics.classes.size(); ++c)
    class_values_.emplace_back(evaluation_->class_names()[c], metrics.classes[c].iou.value_or(NAN));
  NamedValues values{{"miou", metrics.miou}};
  for (const auto& [name, members] : evaluation_->groups()) {
    double sum = 0;
    int scored = 0;
    for (const int c : members)
      if (const auto iou = metrics.classes[static_cast<std::size_t>(c)].iou) sum += *iou, ++scored;
    values.emplace_back("miou_" + name, scored > 0 ? sum / scored : 0);
  }
  return values;
}

Image SegmentationTask::sample_sheet() {
  constexpr int kPictures = 5, kSide = 160;
  const at::NoGradGuard guard;
  const auto height = evaluation_ ? evaluation_->height() : samples_->height();
  const auto width = evaluation_ ? evaluation_->width() : samples_->width();
  const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  SampleSheet sheet(kSide);
  at::Tensor image = at::empty({1, height, width, 3}, at::kByte);
  std::vector<std::uint16_t> truth(pixels);
  for (int i = 0; i < kPictures && (!evaluation_ || i < evaluation_->size()); ++i) {
    if (evaluation_)
      evaluation_->fill(i, image.data_ptr<std::uint8_t>(), truth.data());
    else
      samples_->fill(static_cast<std::uint64_t>(i), image.data_ptr<std::uint8_t>(), truth.data());
    const auto predictions = network_->forward(normalized_images(image.to(backend_->device())),
                                               evaluation_ ? evaluation_text_ : text_, false);
    const at::Tensor found = segment(predictions.back(), height, width).to(at::kCPU, at::kShort).contiguous();
    sheet.add(image.data_ptr<std::uint8_t>(), truth.data(),
              reinterpret_cast<const std::uint16_t*>(found.data_ptr<std::int16_t>()), height, width,
              SampleSource::kIgnore);
  }
  return sheet.image();
}

void SegmentationTask::export_model(const std::filesystem::path& path) {
  model_.write(path, *backend_->parameters());
}

}  // namespace san
