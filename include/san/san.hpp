#pragma once
/// san: open-vocabulary semantic segmentation. An image and any list of class names in, a class for every
/// pixel out.
///
///   san::Model model = san::Model::load("model.safetensors");            // or "default", "formula:vit-b-16"
///   san::Vocabulary words = model.vocabulary({"cat", "sofa|couch", "wall"});
///   san::Segmenter segmenter = model.segmenter();                        // one per thread
///   san::Segmentation result = segmenter.segment(san::load_image("cat.jpg"), words);
///   result.labels.row(y)[x];                                             // index into words.classes()
///
/// The steps, and what a caller may replace:
///   load        weights are mapped and prepared once; a Model is immutable and shared by all its segmenters
///   vocabulary  names × prompt templates → text embeddings (slow the first time, cached on disk afterwards)
///   image       any source that fills an Image (8 bit RGB); load_image() is one
///   segment     resize → network → mask proposals and class logits → labels at the image's size
///
/// Everything that can go wrong throws san::Error, whose message says where, expected, got, and what to do.
/// Threads: Model and Vocabulary may be used from any number of threads, a Segmenter from one at a time.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "san/error.hpp"
#include "san/image.hpp"
#include "san/version.hpp"

namespace san {

struct ModelOptions {
  std::string backend = "native";  ///< or "reference"
  int threads = 0;                 ///< of one segmenter; 0: one per processor
};

struct VocabularyOptions {
  std::vector<std::string> templates;  ///< each with one {}; empty: the model's own
  std::string cache_folder;            ///< empty: $SAN_CACHE_DIR, $XDG_CACHE_HOME/san or ~/.cache/san
  bool use_cache = true;
};

/// Class names as the network knows them.
class SAN_API Vocabulary {
 public:
  const std::vector<std::string>& classes() const;

 private:
  friend class Model;
  friend class Segmenter;
  struct Impl;
  explicit Vocabulary(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

struct SegmentationOptions {
  /// Pixels that the learned background wins get the label classes().size() instead of the best class.
  bool other = false;
  bool scores = false;  ///< also return the score of each pixel's label
};

struct Segmentation {
  LabelMap labels;                  ///< index into Vocabulary::classes(), at the image's size
  std::vector<std::int64_t> areas;  ///< pixels per class; one more entry than classes, the last for "other"
  std::vector<float> scores;        ///< [height, width] when asked for
};

/// One thread's workspace.
class SAN_API Segmenter {
 public:
  Segmenter(Segmenter&&) noexcept;
  Segmenter& operator=(Segmenter&&) noexcept;
  ~Segmenter();
  /// Throws Error on an empty image.
  Segmentation segment(const Image& image, const Vocabulary& vocabulary,
                       const SegmentationOptions& options = {});

 private:
  friend class Model;
  struct Impl;
  explicit Segmenter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class SAN_API Model {
 public:
  /// A model file (made by `san convert` or `san train`), "default" (built in), or "formula:vit-b-16" /
  /// "formula:vit-l-14-336": the real networks with random weights, for tests and timing.
  static Model load(const std::string& model = "default", const ModelOptions& options = {});

  const std::string& description() const;  ///< one sentence: which network, whose weights
  bool random_weights() const;             ///< labels mean nothing

  /// "couch|sofa" is one class with two names. Throws Error on empty, repeated and too long names.
  Vocabulary vocabulary(const std::vector<std::string>& classes, const VocabularyOptions& options = {}) const;
  Segmenter segmenter() const;

 private:
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// PNG, JPEG, WebP, BMP, TIFF, PNM; EXIF orientation applied. Throws Error naming the file.
SAN_API Image load_image(const std::string& path);

/// The picture people look at: class colours over the image, outlines, a legend. Throws Error when it cannot
/// be written.
SAN_API void save_overlay(const std::string& path, const Image& image, const Segmentation& result,
                          const Vocabulary& vocabulary);

}  // namespace san
