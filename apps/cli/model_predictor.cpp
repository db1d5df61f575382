#include "model_predictor.h"

#include <algorithm>

namespace san::cli {
namespace {

Image crop(const Image& image, const Region& window) {
  Image out(window.height, window.width);
  for (int y = 0; y < window.height; ++y)
    std::copy_n(image.row(window.y + y) + static_cast<std::ptrdiff_t>(window.x) * 3, out.row_bytes(),
                out.row(y));
  return out;
}

class ModelPredictor final : public Predictor {
 public:
  ModelPredictor(std::shared_ptr<const Engine> engine, std::shared_ptr<const TextEmbeddings> vocabulary,
                 const ViewOptions& views, Method method, int threads)
      : session_(std::move(engine), threads),
        vocabulary_(std::move(vocabulary)),
        row_class_(vocabulary_->row_classes()),
        views_(views),
        method_(method) {}

  std::optional<LabelMap> labels(const Sample&, const Image& picture) override {
    if (method_ == Method::kMaskClip) return maskclip_labels(session_, picture, vocabulary_);
    if (method_ == Method::kCrops) return crop_labels(session_, picture, vocabulary_);
    std::vector<NetworkResult> results;
    std::vector<HeadView> looks;
    for (const View& view : plan_views(picture.height, picture.width, views_)) {
      SegmentOptions options;
      options.short_side = view.short_side;
      options.long_side = view.max_side;
      const bool whole = view.window.height == 0;
      results.push_back(
          session_.run(whole ? picture : crop(picture, view.window), vocabulary_, options, view.mirrored));
      looks.push_back(results.back().view);
      looks.back().region = view.window;
    }
    const HeadOptions options = head_options(*vocabulary_, row_class_, {});
    return session_.segmentation_head().run(looks, picture.height, picture.width, options).labels;
  }
  std::string name() const override { return session_.engine().model().description; }
  std::map<std::string, std::string> settings() const override {
    const char* const names[] = {"san", "maskclip", "crops"};
    return {{"input", describe(views_)},
            {"method", names[static_cast<std::size_t>(method_)]},
            {"backend", session_.engine().new_backend()->name()}};
  }

 private:
  Session session_;
  std::shared_ptr<const TextEmbeddings> vocabulary_;
  std::vector<int> row_class_;
  ViewOptions views_;
  Method method_;
};

}  // namespace

std::unique_ptr<Predictor> model_predictor(std::shared_ptr<const Engine> engine,
                                           std::shared_ptr<const TextEmbeddings> vocabulary,
                                           const ViewOptions& views, Method method, int threads) {
  return std::make_unique<ModelPredictor>(std::move(engine), std::move(vocabulary), views, method, threads);
}

}  // namespace san::cli
