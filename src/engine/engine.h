#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "engine/loaded_model.h"
#include "image/resize.h"
#include "labels/segmentation_head.h"
#include "model/san.h"
#include "text/vocabulary.h"

namespace san {

/// A model with its image branch prepared for a backend. Immutable and shared; the text tower is prepared
/// when a vocabulary first needs it and let go afterwards.
class Engine {
 public:
  /// `backend` decides where and how it runs; sessions are its forks.
  Engine(LoadedModel model, std::unique_ptr<Backend> backend);

  const LoadedModel& model() const { return model_; }
  const San& network() const { return *network_; }
  std::unique_ptr<Backend> new_backend() const { return backend_->fork(); }

  struct VocabularyOptions {
    std::vector<std::string> templates;  ///< empty: the model's own
    std::filesystem::path cache;         ///< folder of the embedding cache
    bool use_cache = true;
    bool quiet = false;
    const std::atomic<bool>* cancelled = nullptr;
  };
  /// Embeds the class names. Throws Error as VocabularyEncoder does.
  std::shared_ptr<const TextEmbeddings> encode(std::span<const ClassName> classes,
                                               const VocabularyOptions& options) const;

 private:
  LoadedModel model_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<San> network_;
};

/// The network's answer for one picture, on the host; HeadView borrows from it.
struct NetworkResult {
  NetworkResult() = default;
  NetworkResult(NetworkResult&&) = default;
  NetworkResult& operator=(NetworkResult&&) = default;

  std::vector<float> class_logits, mask_logits;
  HeadView view;  ///< of the two vectors above
  double network_ms = 0;
};

struct SegmentOptions {
  Background background = Background::kNone;
  bool label_scores = false;
  SizeRule size_rule = SizeRule::kEvaluation;
  ResizeFilter filter = ResizeFilter::kBilinear;
  int short_side = 0;  ///< of the network's input; 0: the model's own
  int long_side = 0;   ///< limit on the other side; 0: in the model's proportion to short_side
};

/// One thread's use of an Engine: workspace, classifier of the vocabulary in use.
class Session {
 public:
  Session(std::shared_ptr<const Engine> engine, int threads);
  /// With threads that others use too.
  Session(std::shared_ptr<const Engine> engine, std::shared_ptr<ThreadPool> pool);

  /// Labels at the picture's own size.
  SegmentationResult segment(const Image& image, const std::shared_ptr<const TextEmbeddings>& vocabulary,
                             const SegmentOptions& options = {});
  /// The steps apart: the network, then segmentation_head() on its view. `mirrored` shows it the picture
  /// flipped.
  NetworkResult run(const Image& image, const std::shared_ptr<const TextEmbeddings>& vocabulary,
                    const SegmentOptions& options = {}, bool mirrored = false);
  const SegmentationHead& segmentation_head() const { return head_; }
  Backend& backend() { return *backend_; }
  ThreadPool& pool() { return *pool_; }
  const Engine& engine() const { return *engine_; }

 private:
  const Tensor& classifier(const std::shared_ptr<const TextEmbeddings>& vocabulary);

  std::shared_ptr<const Engine> engine_;
  std::unique_ptr<Backend> backend_;
  std::shared_ptr<ThreadPool> pool_;
  SegmentationHead head_;
  std::shared_ptr<const TextEmbeddings> vocabulary_;
  Tensor classifier_;
};

/// Head options that go with a vocabulary; `row_class` must outlive them.
HeadOptions head_options(const TextEmbeddings& vocabulary, const std::vector<int>& row_class,
                         const SegmentOptions& options);

}  // namespace san
