#pragma once
#include <cmath>
#include <limits>

#include "bank/builder.h"
#include "base/error.h"
#include "engine/many_views.h"
#include "san/model.hpp"

/// What stands behind the handles of include/san.
namespace san {

struct Vocabulary::Impl {
  std::shared_ptr<const TextEmbeddings> embeddings;
  std::string text_hash;             ///< of the text tower that made them
  std::vector<std::string> classes;  ///< labels, without the distractors
  std::vector<int> row_class;        ///< the class of every row

  static std::shared_ptr<const Impl> make(std::shared_ptr<const TextEmbeddings> embeddings,
                                          std::string text_hash);
};

struct Bank::Impl {
  ExampleBank bank;
  std::vector<Class> classes;

  static std::shared_ptr<const Impl> make(ExampleBank bank);
};

struct Model::Impl {
  std::shared_ptr<const Engine> engine;
  std::shared_ptr<ThreadPool> pool;
  ModelOptions options;
};

struct ImageFeatures::Impl {
  std::shared_ptr<const Features> features;
  std::shared_ptr<const Engine> engine;  ///< that made them

  void let_go() { features.reset(), engine.reset(); }

  /// In memory of the recycler's.
  static std::shared_ptr<const Impl> make(Recycler<Impl>& recycler, std::shared_ptr<const Features> features,
                                          std::shared_ptr<const Engine> engine);
};

/// The network's answer, from which a Segmentation computes what it is asked for.
struct Segmentation::Answer {
  std::vector<Logits> logits;  ///< of every view; empty where tiles were forgotten once they were labelled
  int height = 0, width = 0;   ///< of the picture
  std::shared_ptr<const TextEmbeddings> vocabulary;
  std::shared_ptr<const std::vector<int>> row_class;
  SegmentOptions options;
  std::shared_ptr<const Engine> engine;
  std::shared_ptr<ThreadPool> pool;
  std::shared_ptr<const std::vector<std::string>> asked;  ///< labels of the classes without the distractors

  HeadOptions head() const { return head_options(*vocabulary, *row_class, options); }
  void let_go();
};

struct Segmenter::Impl {
  Session session;
  std::shared_ptr<ThreadPool> pool;
  std::shared_ptr<const Engine> engine;
  Image pixels{};  ///< of the picture, in memory that the next one uses again
  Recycler<ImageFeatures::Impl> features{};
  Recycler<Segmentation::Answer> answers{};

  /// An answer without logits.
  std::unique_ptr<Segmentation::Answer> new_answer(const std::shared_ptr<const Vocabulary::Impl>& words,
                                                   int height, int width, const SegmentOptions& options);
};

/// Throws Error as to_image() does.
void check_view(const ImageView& view);
/// Writes the pixels as RGB into `image`, whose memory is used again.
void copy_pixels(const ImageView& view, Image& image);

/// Colours as given, one per class, or distinct ones. Throws Error when there are too few.
std::vector<Rgb> class_colors(std::span<const Rgb> colors, std::size_t classes);

}  // namespace san
