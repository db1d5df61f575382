#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/recycling.h"
#include "base/thread_pool.h"
#include "engine/distractors.h"
#include "engine/encode_vocabulary.h"
#include "engine/loaded_model.h"
#include "engine/score_calibration.h"
#include "method/registry.h"

namespace san {

/// A model, prepared for a backend, and the method that answers with it. Immutable and shared; the text tower
/// is prepared when a vocabulary first needs it and let go afterwards.
class Engine {
 public:
  /// `backend` decides where and how it runs; sessions are its forks. `method` as --method names it (see
  /// method_names()); empty: the one that the model was made for. Throws Error when it does not run this
  /// model.
  Engine(LoadedModel model, std::unique_ptr<Backend> backend, const std::string& method = "");

  const LoadedModel& model() const { return model_; }
  const Method& method() const { return *method_; }
  /// Its name, and what it cannot do.
  const MethodInfo& method_info() const { return info_; }
  /// What scores of its labels say; not known for other methods than the one that it was found for.
  ScoreCurve curve() const { return info_.name == kCalibratedMethod ? model_.curve : ScoreCurve{}; }
  /// A session's backend on its threads; null: on the engine's.
  std::unique_ptr<Backend> new_backend(std::shared_ptr<ThreadPool> threads = nullptr) const {
    return backend_->fork(std::move(threads));
  }

  using VocabularyOptions = san::EncodingOptions;
  /// Embeds the class names. Throws Error as VocabularyEncoder does.
  std::shared_ptr<const TextEmbeddings> encode(std::span<const ClassName> classes,
                                               const VocabularyOptions& options) const {
    return encode_vocabulary(model_, *backend_, classes, options);
  }
  /// Other names to look for beside the classes; see choose_distractors().
  std::vector<ClassName> distractors(std::span<const ClassName> classes,
                                     const VocabularyOptions& options) const {
    return choose_distractors(model_, *backend_, classes, options);
  }

 private:
  LoadedModel model_;
  std::unique_ptr<Backend> backend_;
  MethodInfo info_;
  std::unique_ptr<Method> method_;
};

struct SegmentOptions {
  LookOptions look;
  Background background = Background::kNone;
  bool label_scores = false;
  bool refine = false;     ///< edges follow the picture's; look with `guide`
  float min_score = 0.0f;  ///< pixels whose label is right with less than this probability become "other"
  ScoreCurve curve{};      ///< what scores say of that; Engine::curve()
};

/// One thread's use of an Engine: workspace, classifier of the vocabulary in use. Pictures of one size after
/// another need no new memory once features and logits of earlier ones have been let go.
///
///   session.segment(picture, words)                        labels at the picture's own size
///
/// or in steps, when a picture is asked more than one question, or its logits are needed:
///
///   features = session.look(picture)                      all of the network; knows no words
///   session.segment(features, words)                      the price of the classifier and the head
///   logits = session.name(features, words)                for segmentation_head() and mask_proposals()
class Session {
 public:
  Session(std::shared_ptr<const Engine> engine, int threads);
  /// On threads that other sessions may use at the same time.
  Session(std::shared_ptr<const Engine> engine, std::shared_ptr<ThreadPool> threads);

  /// Throws Error on an empty picture, an empty vocabulary, and on what the method cannot do.
  SegmentationResult segment(const Image& picture, const std::shared_ptr<const TextEmbeddings>& vocabulary,
                             const SegmentOptions& options = {});
  /// Of a picture looked at before; `options.look` is not used.
  SegmentationResult segment(std::shared_ptr<const Features> features,
                             const std::shared_ptr<const TextEmbeddings>& vocabulary,
                             const SegmentOptions& options = {});

  std::shared_ptr<const Features> look(const Image& picture, const LookOptions& options = {});
  /// `features` may come from another session of the same engine.
  Logits name(std::shared_ptr<const Features> features,
              const std::shared_ptr<const TextEmbeddings>& vocabulary);

  /// Takes back what an answer lies in, for the next one.
  void reuse(Logits& logits) { memory_.logits = std::move(logits.values); }

  SegmentationHead& segmentation_head() { return head_; }
  Backend& backend() { return *backend_; }
  ThreadPool& pool() { return *pool_; }
  const Engine& engine() const { return *engine_; }

 private:
  const Classifier& classifier(const std::shared_ptr<const TextEmbeddings>& vocabulary);

  std::shared_ptr<const Engine> engine_;
  std::shared_ptr<ThreadPool> pool_;
  std::unique_ptr<Backend> backend_;
  SegmentationHead head_;
  LookMemory memory_;
  Recycler<Features> features_;
  std::shared_ptr<const TextEmbeddings> vocabulary_;
  std::unique_ptr<Classifier> classifier_;
};

/// Throws Error when the method cannot tell the background, or make the mask proposals that are wanted.
void require_possible(const MethodInfo& method, Background background, bool masks = false);

/// For HeadOptions::guide. Throws Error on features of a look without it.
const Image* guide_of(const Features& features);

/// Head options that go with a vocabulary; `row_class` must outlive them.
HeadOptions head_options(const TextEmbeddings& vocabulary, const std::vector<int>& row_class,
                         const SegmentOptions& options);

}  // namespace san
