#include "engine/engine.h"

#include <chrono>

#include "base/error.h"
#include "base/free_memory.h"
#include "labels/refine.h"

namespace san {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

Engine::Engine(LoadedModel model, std::unique_ptr<Backend> backend, const std::string& method)
    : model_(std::move(model)),
      backend_(std::move(backend)),
      info_(find_method(method, model_.architecture, model_.name)) {
  ParamLoader loader(*backend_, *model_.parameters);
  method_ = info_.make(loader, model_.config);
  give_back_free_memory();
}

void require_possible(const MethodInfo& method, Background background, bool masks) {
  require(background == Background::kNone || method.background,
          "method {} knows no background: every pixel gets one of the classes, none becomes \"other\"",
          method.name);
  require(!masks || method.masks, "method {} makes no mask proposals, only a label for every pixel",
          method.name);
}

const Image* guide_of(const Features& features) {
  require(features.guide != nullptr,
          "refine: these features were made without the picture's edges; look at the picture with refine");
  return features.guide.get();
}

HeadOptions head_options(const TextEmbeddings& vocabulary, const std::vector<int>& row_class,
                         const SegmentOptions& options) {
  HeadOptions o;
  o.row_class = row_class;
  o.classes = static_cast<int>(vocabulary.classes.size());
  o.background = options.background;
  o.distractors = vocabulary.distractors;
  o.label_scores = options.label_scores;
  o.min_score = options.min_score;
  o.curve = options.curve;
  return o;
}

Session::Session(std::shared_ptr<const Engine> engine, int threads)
    : Session(std::move(engine), std::make_shared<ThreadPool>(threads)) {}

Session::Session(std::shared_ptr<const Engine> engine, std::shared_ptr<ThreadPool> threads)
    : engine_(std::move(engine)),
      pool_(std::move(threads)),
      backend_(engine_->new_backend(pool_)),
      head_(*pool_) {}

const Classifier& Session::classifier(const std::shared_ptr<const TextEmbeddings>& vocabulary) {
  if (!classifier_ || vocabulary != vocabulary_) {
    require(vocabulary->row_count() > 0, "the vocabulary is empty: give at least one class");
    require(!vocabulary->examples || engine_->method_info().examples,
            "method {} takes no bank of examples: only method san does", engine_->method_info().name);
    classifier_ = engine_->method().prepare(*backend_, *vocabulary);
    vocabulary_ = vocabulary;
  }
  return *classifier_;
}

std::shared_ptr<const Features> Session::look(const Image& picture, const LookOptions& options) {
  const auto start = Clock::now();
  memory_.features = features_.idle();
  std::unique_ptr<Features> features = engine_->method().look({*backend_, *pool_, memory_}, picture, options);
  memory_.features.reset();
  if (options.guide) features->guide = std::make_shared<const Image>(refinement_guide(picture, *pool_));
  features->height = picture.height, features->width = picture.width;
  features->look_ms = milliseconds_since(start);
  return features_.share(std::move(features));
}

Logits Session::name(std::shared_ptr<const Features> features,
                     const std::shared_ptr<const TextEmbeddings>& vocabulary) {
  const auto start = Clock::now();
  Logits logits =
      engine_->method().name({*backend_, *pool_, memory_}, std::move(features), classifier(vocabulary));
  logits.name_ms = milliseconds_since(start);
  return logits;
}

SegmentationResult Session::segment(std::shared_ptr<const Features> features,
                                    const std::shared_ptr<const TextEmbeddings>& vocabulary,
                                    const SegmentOptions& options) {
  require_possible(engine_->method_info(), options.background);
  const Logits logits = name(std::move(features), vocabulary);
  const std::vector<int> row_class = vocabulary->row_classes();
  HeadOptions head = head_options(*vocabulary, row_class, options);
  if (options.refine) head.guide = guide_of(*logits.features);
  return head_.run({&logits.view, 1}, logits.features->height, logits.features->width, head);
}

SegmentationResult Session::segment(const Image& picture,
                                    const std::shared_ptr<const TextEmbeddings>& vocabulary,
                                    const SegmentOptions& options) {
  require_possible(engine_->method_info(), options.background);
  LookOptions with_guide = options.look;
  with_guide.guide = options.refine;
  return segment(look(picture, with_guide), vocabulary, options);
}

}  // namespace san
