#include "train/pretrain_task.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "backend/torch/matmul.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "text/bpe_trainer.h"

namespace san {
namespace {

constexpr int kCaptionsForTokenizer = 60'000;
constexpr int kBytesAndMarkers = 514;
constexpr double kLargestLogitScale = 4.605170185988092;  // ln 100, CLIP's limit

std::string learned_merges(const PairSampler& sampler, int vocabulary) {
  WordCounts counts;
  for (const std::string& caption : sampler.captions(kCaptionsForTokenizer)) count_words(caption, counts);
  return format_bpe_merges(train_bpe(counts, vocabulary - kBytesAndMarkers));
}

// The subjects of all processes' pairs.
std::vector<std::vector<int>> gathered(Communicator& communicator, const std::vector<std::vector<int>>& own) {
  if (communicator.size() == 1) return own;
  std::vector<std::vector<int>> all;
  for (const std::string& text : communicator.gather(nlohmann::json(own).dump()))
    for (const auto& subjects : nlohmann::json::parse(text)) all.push_back(subjects.get<std::vector<int>>());
  return all;
}

PairOptions pair_options(const Recipe& recipe) {
  PairOptions o;
  o.size = recipe.data.size;
  o.scenes = recipe.data.scenes;
  o.clutter = recipe.data.clutter;
  o.restyle = recipe.data.restyle;
  return o;
}

}  // namespace

struct PretrainTask::Batch {
  std::uint64_t index = 0;
  float realism = 1;
  at::Tensor images;  // [B, S, S, 3] bytes
  std::vector<std::vector<int>> tokens, subjects;
};

PretrainTask::PretrainTask(const Recipe& recipe, std::shared_ptr<const World> world,
                           const TorchOptions& options, std::shared_ptr<Communicator> communicator)
    : PretrainTask(recipe, std::move(world), std::make_shared<TorchBackend>(options),
                   {"clip_vision", "clip_text", "position", "logit_scale"}, std::move(communicator)) {}

PretrainTask::PretrainTask(const Recipe& recipe, std::shared_ptr<const World> world,
                           std::shared_ptr<TorchBackend> backend, const std::vector<std::string>& trainable,
                           std::shared_ptr<Communicator> communicator)
    : recipe_(recipe),
      world_(std::move(world)),
      backend_(std::move(backend)),
      communicator_(std::move(communicator)) {
  sampler_ = std::make_unique<PairSampler>(world_, pair_options(recipe_), recipe_.seed);
  if (recipe_.model.init.empty()) {
    const std::string merges = learned_merges(*sampler_, recipe_.data.vocabulary);
    const auto learned = static_cast<std::int64_t>(parse_bpe_merges(merges, "captions").size());
    recipe_.model.network["clip"]["vocabulary"] = learned + kBytesAndMarkers;
    recipe_.model.network["clip"]["context"] = recipe_.data.context;
    model_ = start_model(recipe_);
    model_.metadata.merges = merges;
  } else {
    model_ = start_model(recipe_);
  }
  tokenizer_ = std::make_unique<BpeTokenizer>(model_.tokenizer());
  clip_ = std::make_unique<ContrastiveClip>(backend_, *model_.parameters, model_.config.clip,
                                            model_.config.feature_layer, trainable_rule(trainable));
}

PretrainTask::~PretrainTask() = default;

double PretrainTask::realism(std::uint64_t index) const {
  const double progress =
      recipe_.run.steps > 0
          ? static_cast<double>(index) / static_cast<double>(recipe_.run.steps * recipe_.run.accumulate)
          : progress_.load();
  return recipe_.data.curriculum > 0 ? std::clamp(progress / recipe_.data.curriculum, 0.0, 1.0) : 1.0;
}

void PretrainTask::start(const std::string& stream) {
  loader_.reset();
  if (!stream.empty()) consumed_ = nlohmann::json::parse(stream).at("batches").get<std::uint64_t>();
  next_ = consumed_;
  const int size = recipe_.data.size, count = recipe_.batch;
  Loader<Batch>::Source source;
  source.slots = count;
  source.grain = 16;
  source.begin = [this, size, count] {
    auto batch = std::make_unique<Batch>();
    batch->index = next_++;
    batch->realism = static_cast<float>(realism(batch->index));
    const auto options = at::TensorOptions().dtype(at::kByte).pinned_memory(backend_->device().is_cuda());
    batch->images = at::empty({count, size, size, 3}, options);
    batch->tokens.resize(static_cast<std::size_t>(count));
    batch->subjects.resize(static_cast<std::size_t>(count));
    return batch;
  };
  // Every process makes its own part of one large batch.
  const int first = communicator_->rank() * count, all = communicator_->size() * count;
  source.fill = [this, size, first, all](Batch& batch, int slot) {
    std::uint8_t* pixels = batch.images.data_ptr<std::uint8_t>() + std::int64_t{slot} * size * size * 3;
    Pair pair = sampler_->sample(batch.index, first + slot, all, batch.realism, pixels);
    batch.tokens[static_cast<std::size_t>(slot)] = tokenizer_->encode(pair.caption);
    batch.subjects[static_cast<std::size_t>(slot)] = std::move(pair.subjects);
  };
  const int workers =
      recipe_.data.workers > 0 ? recipe_.data.workers : std::max(1, available_processors() - 1);
  loader_ = std::make_unique<Loader<Batch>>(std::move(source), workers, recipe_.data.ahead);
}

void PretrainTask::fetch(double progress) {
  progress_ = progress;
  batch_ = loader_->next();
  ++consumed_;
  images_ = normalized_images(batch_->images.to(backend_->device(), /*non_blocking=*/true));
}

StepLoss PretrainTask::loss(std::int64_t, int) {
  {
    const at::NoGradGuard guard;
    clip_->logit_scale().clamp_max_(kLargestLogitScale);
  }
  const at::Tensor images = clip_->embed_images(images_), texts = clip_->embed_prompts(batch_->tokens);
  StepLoss out;
  out.total = info_nce(images, texts, communicator_->gather_rows(images), communicator_->gather_rows(texts),
                       communicator_->rank() * images.size(0), clip_->logit_scale(),
                       alike_pairs(gathered(*communicator_, batch_->subjects)));
  out.terms = {{"temperature", clip_->logit_scale().detach().exp().squeeze()}};
  return out;
}

std::string PretrainTask::stream_state() const {
  return nlohmann::json{{"batches", consumed_}}.dump();
}

NamedValues PretrainTask::evaluate(const EvaluationRun& run) {
  const at::NoGradGuard guard;
  std::vector<std::string> names;
  for (const Concept& c : world_->concepts()) names.push_back(c.name);
  // The mean over prompts, as a user's vocabulary is embedded.
  at::Tensor classes;
  for (const char* format : {"{}", "a picture of a {}", "a photo of a {}"}) {
    std::vector<std::vector<int>> prompts;
    for (const std::string& name : names)
      prompts.push_back(tokenizer_->encode(fmt::format(fmt::runtime(format), name)));
    const at::Tensor rows = clip_->embed_prompts(prompts).to(at::kFloat);
    classes = classes.defined() ? classes + rows : rows;
  }
  classes = classes / classes.norm(2, {-1}, true);

  NamedValues values;
  ThreadPool pool(recipe_.data.workers);
  for (const Role role : {Role::kTrain, Role::kHeldOutStyle, Role::kNearStyle, Role::kPhoto}) {
    const bool present =
        std::ranges::any_of(world_->sprites(), [&](const auto& s) { return world_->role(s) == role; });
    if (!present) continue;
    const EvalCrops crops(world_, role, recipe_.data.size, 1);
    const int count = crops.size(), stride = run.thorough ? 1 : std::max(1, count / 1000);
    constexpr int kChunk = 512;
    Progress bar(fmt::format("evaluation, {}", role_name(role)), (count + stride - 1) / stride, run.quiet);
    std::int64_t first = 0, fifth = 0, total = 0;
    for (int begin = 0; begin < count; begin += kChunk * stride) {
      if (run.interrupted()) return {};
      const int chunk = std::min(kChunk, (count - begin + stride - 1) / stride);
      at::Tensor pictures = at::empty({chunk, recipe_.data.size, recipe_.data.size, 3}, at::kByte);
      std::vector<std::int64_t> truth(static_cast<std::size_t>(chunk));
      const std::int64_t bytes = pictures.numel() / chunk;
      pool.parallel_for(chunk, 8, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
          const int index = begin + static_cast<int>(i) * stride;
          crops.picture(index, pictures.data_ptr<std::uint8_t>() + i * bytes);
          truth[static_cast<std::size_t>(i)] = crops.subject(index);
        }
      });
      const at::Tensor images =
          clip_->embed_images(normalized_images(pictures.to(backend_->device()))).to(at::kFloat);
      const at::Tensor best =
          std::get<1>(matmul_fast(images, classes.t()).topk(std::min<std::int64_t>(5, classes.size(0)), 1));
      const at::Tensor hits = best == at::tensor(truth, at::kLong).to(best.device()).unsqueeze(1);
      first += hits.select(1, 0).sum().item<std::int64_t>();
      fifth += hits.sum().item<std::int64_t>();
      total += chunk;
      bar.advance(chunk);
    }
    std::string name(role_name(role));
    std::ranges::replace_if(
        name, [](char c) { return c == ' ' || c == '-'; }, '_');
    values.emplace_back(name + "_top1", static_cast<double>(first) / static_cast<double>(total));
    values.emplace_back(name + "_top5", static_cast<double>(fifth) / static_cast<double>(total));
  }
  return values;
}

void PretrainTask::export_model(const std::filesystem::path& path) {
  model_.write(path, *backend_->parameters());
}

}  // namespace san
