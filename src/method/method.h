#pragma once
#include <memory>
#include <typeinfo>
#include <vector>

#include "backend/backend.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "image/resize.h"
#include "labels/segmentation_head.h"
#include "text/vocabulary.h"

/// The seam above the network, as src/backend/backend.h is the one below it: what a picture and a vocabulary
/// become for the segmentation head.
///
///   features   = method.look(compute, picture, options)      the network; it knows no words
///   classifier = method.prepare(backend, vocabulary)         once per vocabulary and session
///   logits     = method.name(compute, features, classifier)  cheap: the same features, other words
///
/// Which methods there are, and which model files they run: src/method/registry.h. docs/add-a-model.md adds
/// one.
namespace san {

struct Features;

/// What earlier looks of a session left behind, to be used again: pictures of one size then need no new
/// memory.
struct LookMemory {
  Image mirrored;
  Resizer resizer;
  std::unique_ptr<Features> features;  ///< of a look that nobody needs any more; null: there are none
  std::vector<float> logits;           ///< of an answer that nobody needs any more
};

/// What a method computes with: one thread's session.
struct Compute {
  Backend& backend;
  ThreadPool& pool;
  LookMemory& memory;
};

/// How a picture is shown to a network.
struct LookOptions {
  SizeRule size_rule = SizeRule::kEvaluation;
  ResizeFilter filter = ResizeFilter::kBilinear;
  int short_side = 0;     ///< of the network's input; 0: the method's own
  int long_side = 0;      ///< limit on the other side; 0: in the method's proportion to short_side
  bool mirrored = false;  ///< flipped left to right
  bool guide = false;     ///< keep the picture, or a smaller copy, for edges that follow it
};

/// The input sizes of a method when nothing else is asked for, in pixels.
struct InputSize {
  int short_side = 0, long_side = 0;
};

/// What a method has seen in a picture. Lies in host memory and is immutable: it may outlive its session, and
/// sessions of the same engine may share it. Each method derives its own.
struct Features {
  Features() = default;
  Features(const Features&) = delete;
  Features& operator=(const Features&) = delete;
  virtual ~Features() = default;

  /// Host memory that is held.
  virtual std::size_t bytes() const = 0;
  /// What it need not hold while it waits to be filled again.
  void let_go() { guide.reset(); }

  int height = 0, width = 0;           ///< of the picture
  std::shared_ptr<const Image> guide;  ///< for refine_edges(), where it was asked for
  HeadView view;         ///< its geometry; of the logits only those that no word changes are set
  double resize_ms = 0;  ///< from the picture to the network's input
  double look_ms = 0;    ///< that and the network
};

/// What a method makes of a vocabulary, in the memory of one session's backend. Each method derives its own;
/// for most, ClassifierRows will do.
struct Classifier {
  virtual ~Classifier() = default;
};
struct ClassifierRows final : Classifier {
  explicit ClassifierRows(Tensor r) : rows(std::move(r)) {}
  Tensor rows;
};

/// A method's answer, ready for the head.
struct Logits {
  Logits(std::shared_ptr<const Features> f, std::vector<float> v)
      : features(std::move(f)), values(std::move(v)), view(features->view) {}
  Logits(Logits&&) = default;
  Logits& operator=(Logits&&) = default;

  std::shared_ptr<const Features> features;
  std::vector<float> values;  ///< class logits [queries, rows + 1], or grid logits [cells, rows]
  HeadView view;              ///< of `values` and of what `features` hold
  double name_ms = 0;
};

/// A network prepared for a backend, and how it answers. Immutable; sessions share it.
class Method {
 public:
  virtual ~Method() = default;

  virtual InputSize input() const = 0;
  /// Throws Error on an empty picture and on sizes that no network could take.
  virtual std::unique_ptr<Features> look(const Compute& compute, const Image& picture,
                                         const LookOptions& options) const = 0;
  virtual std::unique_ptr<Classifier> prepare(Backend& backend, const TextEmbeddings& vocabulary) const = 0;
  /// `features` and `classifier` come from look() and prepare() of this method; throws Error otherwise.
  virtual Logits name(const Compute& compute, std::shared_ptr<const Features> features,
                      const Classifier& classifier) const = 0;
};

/// Features for a look to fill: those of an earlier look of this method where they are free, else new ones.
template <class Own>
std::unique_ptr<Own> features_to_fill(const Compute& compute) {
  const Features* earlier = compute.memory.features.get();
  if (earlier != nullptr && typeid(*earlier) == typeid(Own))
    return std::unique_ptr<Own>(static_cast<Own*>(compute.memory.features.release()));
  return std::make_unique<Own>();
}

/// Features or a classifier as the method made them; throws Error when another method did.
template <class Own, class Base>
const Own& own(const Base& made) {
  const auto* mine = dynamic_cast<const Own*>(&made);
  require(mine != nullptr, "features or a classifier of one method were given to another");
  return *mine;
}

}  // namespace san
