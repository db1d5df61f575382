#include "model_predictor.h"

#include "image/crop.h"

namespace san::cli {
namespace {

class ModelPredictor final : public Predictor {
 public:
  ModelPredictor(std::shared_ptr<const Engine> engine, std::shared_ptr<const TextEmbeddings> vocabulary,
                 const ViewOptions& views, int threads, const std::atomic<bool>* cancelled)
      : session_(std::move(engine), threads),
        vocabulary_(std::move(vocabulary)),
        row_class_(vocabulary_->row_classes()),
        views_(views),
        cancelled_(cancelled) {}

  std::optional<LabelMap> labels(const Sample&, const Image& picture) override {
    const Backend::CancelWhen stop(session_.backend(), cancelled_);
    std::vector<Logits> logits;
    std::vector<HeadView> looks;
    for (const View& view : plan_views(picture.height, picture.width, views_)) {
      LookOptions options;
      options.short_side = view.short_side;
      options.long_side = view.max_side;
      options.mirrored = view.mirrored;
      const Region& w = view.window;
      const bool whole = w.height == 0;
      logits.push_back(session_.name(
          session_.look(whole ? picture : crop(picture, w.y, w.x, w.height, w.width), options), vocabulary_));
      looks.push_back(logits.back().view);
      looks.back().region = w;
    }
    const HeadOptions options = head_options(*vocabulary_, row_class_, {});
    return session_.segmentation_head().run(looks, picture.height, picture.width, options).labels;
  }
  std::string name() const override { return session_.engine().model().description; }
  std::map<std::string, std::string> settings() const override {
    return {{"input", describe(views_)},
            {"method", session_.engine().method_info().name},
            {"backend", session_.engine().new_backend()->name()}};
  }

 private:
  Session session_;
  std::shared_ptr<const TextEmbeddings> vocabulary_;
  std::vector<int> row_class_;
  ViewOptions views_;
  const std::atomic<bool>* cancelled_;
};

}  // namespace

std::unique_ptr<Predictor> model_predictor(std::shared_ptr<const Engine> engine,
                                           std::shared_ptr<const TextEmbeddings> vocabulary,
                                           const ViewOptions& views, int threads,
                                           const std::atomic<bool>* cancelled) {
  return std::make_unique<ModelPredictor>(std::move(engine), std::move(vocabulary), views, threads,
                                          cancelled);
}

}  // namespace san::cli
