#include "model_predictor.h"

#include "engine/many_views.h"
#include "labels/refine.h"

namespace san::cli {
namespace {

class ModelPredictor final : public Predictor {
 public:
  ModelPredictor(std::shared_ptr<const Engine> engine, std::shared_ptr<const TextEmbeddings> vocabulary,
                 const ViewOptions& views, const PredictionOptions& how, int threads,
                 const std::atomic<bool>* cancelled)
      : session_(std::move(engine), threads),
        vocabulary_(std::move(vocabulary)),
        row_class_(vocabulary_->row_classes()),
        views_(views),
        how_(how),
        cancelled_(cancelled) {}

  std::optional<Prediction> predict(const Sample&, const Image& picture) override {
    const Backend::CancelWhen stop(session_.backend(), cancelled_);
    SegmentOptions how;
    how.min_score = how_.min_score, how.curve = curve(), how.label_scores = true;
    if (views_.tiles.side > 0) {
      SegmentationResult result;
      segment_tiles(session_, picture, vocabulary_, views_, how, {}, result);
      return Prediction{std::move(result.labels), std::move(result.label_scores)};
    }
    const std::vector<Logits> logits = look_in_views(
        session_, picture, vocabulary_, plan_views(picture.height, picture.width, views_), LookOptions{});
    HeadOptions options = head_options(*vocabulary_, row_class_, how);
    Image guide;
    if (how_.refine) guide = refinement_guide(picture, session_.pool()), options.guide = &guide;
    SegmentationResult result =
        session_.segmentation_head().run(head_views(logits), picture.height, picture.width, options);
    return Prediction{std::move(result.labels), std::move(result.label_scores)};
  }
  std::string name() const override { return session_.engine().model().description; }
  ScoreCurve curve() const override { return session_.engine().curve(); }
  std::map<std::string, std::string> settings() const override {
    std::map<std::string, std::string> all{{"input", describe(views_)},
                                           {"method", session_.engine().method_info().name},
                                           {"backend", session_.engine().new_backend()->name()}};
    if (how_.refine) all["refine"] = "edges follow the picture's";
    if (how_.min_score > 0) all["min_score"] = fmt::format("{}", how_.min_score);
    if (how_.synonyms) all["synonyms"] = fmt::format("{} names", vocabulary_->row_count());
    if (!how_.bank.empty()) all["bank"] = how_.bank;
    if (vocabulary_->distractors > 0) all["distractors"] = fmt::format("{} names", vocabulary_->distractors);
    return all;
  }

 private:
  Session session_;
  std::shared_ptr<const TextEmbeddings> vocabulary_;
  std::vector<int> row_class_;
  ViewOptions views_;
  PredictionOptions how_;
  const std::atomic<bool>* cancelled_;
};

}  // namespace

std::unique_ptr<Predictor> model_predictor(std::shared_ptr<const Engine> engine,
                                           std::shared_ptr<const TextEmbeddings> vocabulary,
                                           const ViewOptions& views, const PredictionOptions& options,
                                           int threads, const std::atomic<bool>* cancelled) {
  return std::make_unique<ModelPredictor>(std::move(engine), std::move(vocabulary), views, options, threads,
                                          cancelled);
}

}  // namespace san::cli
