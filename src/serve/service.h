#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "san/bank.hpp"
#include "san/codec.hpp"
#include "san/model.hpp"
#include "serve/byte_cache.h"
#include "serve/lane.h"
#include "serve/metrics.h"
#include "serve/segment_request.h"

namespace san::serve {

/// A bank that the service is started with.
struct BankFile {
  std::filesystem::path path;
  float weight = -1;  ///< of examples beside words; negative: the bank's own
};

struct ServiceOptions {
  std::vector<std::string> models{"default"};
  ModelOptions model;  ///< of all of them; the budget is made by the service
  int workers = 2;     ///< pictures at once; they share the threads
  std::size_t queue = 16;
  std::chrono::seconds timeout{60};  ///< of one request, waiting included
  Limits limits;
  std::size_t cache_bytes = std::size_t{512} << 20;  ///< of pictures seen, with their features
  std::filesystem::path cache_folder;                ///< of embeddings, as VocabularyOptions has it
  bool use_cache = true;
  bool sandbox = true;            ///< every decoder in a helper process without rights
  std::size_t vocabularies = 32;  ///< that may be stored
  bool refine = false;            ///< edges follow the picture's, where a request does not say
  std::vector<BankFile> banks;
  std::size_t own_banks = 16;  ///< that clients may make
  std::size_t bank_bytes = std::size_t{256} << 20;
  std::chrono::seconds bank_idle{3600};  ///< after which one may go when another is made
  std::filesystem::path bank_folder;     ///< where they are kept; empty: in memory alone
};

/// Examples that requests ask for by name.
struct NamedBank {
  std::string name;
  std::uint64_t version = 0;  ///< of all that have ever been: other examples, another number
  Bank bank;
  float weight = -1;  ///< where a request does not say
};

/// What was found, for whoever writes the answer: valid while the function that gets it runs.
struct Outcome {
  const Image& image;
  const Segmentation& result;
  bool has_other;  ///< "other" is possible
  const std::string& sha256;
  const ImageFeatures* features;  ///< null of tiles
};

/// Seconds of one request's stages.
struct Stages {
  double queue = 0, words = 0, decode = 0, resize = 0, network = 0, labels = 0, write = 0;
  bool seen_before = false;  ///< the picture's features were there
  std::string sha256;
  std::string bank;  ///< that was asked beside the words; empty: none
};

struct LoadedFacts {
  std::string id;  ///< by which requests name it
  ModelFacts facts;

  /// Whether explain() is possible.
  bool explains() const { return facts.method == "san" && facts.backend != "reference"; }
};

/// Models, what was seen lately, and the queues before them. Knows no HTTP and no JSON. From any thread.
class Service {
 public:
  using Finish = std::function<void(const Outcome&)>;

  /// Loads the models. Throws Error.
  explicit Service(ServiceOptions options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Segments and calls `finish` in the same worker. Throws Refusal (404 on a model, vocabulary or picture
  /// that is not here, 422 on a picture that cannot be read or is too large, 503) and Cancelled.
  Stages segment(const SegmentRequest& request, const Lane::Caller& caller, const Finish& finish);
  /// Segmenter::explain()'s JSON. Always runs the network. Throws as segment() does, and Refusal 422 where
  /// the model's method cannot be explained.
  std::string explain(const SegmentRequest& request, const Lane::Caller& caller);

  /// Embeds, or finds what was embedded lately. Throws Refusal and Cancelled.
  Vocabulary embed(const std::string& model, const Words& words, const Lane::Caller& caller);
  /// Embeds them in the calling thread, distractors chosen where that was asked for; never of random weights.
  Vocabulary embed_now(std::size_t model, const Words& words, VocabularyOptions options) const;

  const std::vector<LoadedFacts>& models() const { return facts_; }
  /// Index of a model; empty: the first. Throws Refusal 404.
  std::size_t find_model(const std::string& id) const;
  const Model& model(std::size_t index) const { return models_[index]; }
  const ServiceOptions& options() const { return options_; }
  Metrics& metrics() { return metrics_; }
  std::vector<Metrics::Gauge> gauges() const;
  /// Of VocabularyOptions what the service decides.
  VocabularyOptions vocabulary_options(const std::vector<std::string>& templates) const;

  /// How stored vocabularies are found; set once, before the first request.
  std::function<Vocabulary(const std::string& model, const std::string& name)> stored_vocabulary;

  /// A bank by its name, or the model's own where that is empty: then null where there is none. Set once,
  /// before the first request; throws Refusal 404.
  std::function<std::shared_ptr<const NamedBank>(const std::string& model, const std::string& name)>
      named_bank;

  /// Runs the network of each model once, so that the first request takes no longer than those after it.
  void warm_up();
  /// Refuses what comes, ends what runs.
  void stop();
  /// Whether nothing waits or runs.
  bool idle() const;

 private:
  struct Seen;
  struct Banked;
  Vocabulary words_of(const SegmentRequest& request, std::size_t model, const Lane::Caller& caller,
                      Stages& stages);
  Vocabulary with_bank(std::size_t model, const Vocabulary& words, const NamedBank& bank, float weight);
  SegmentationOptions options_of(const SegmentRequest& request) const;
  using SeenPtr = std::shared_ptr<const Seen>;
  SeenPtr find_picture(const SegmentRequest& request, Stages& stages);
  SeenPtr decode(const SegmentRequest& request, const std::string& sha256) const;
  SeenPtr look(Segmenter& segmenter, std::size_t model, const SegmentRequest& request, SeenPtr seen,
               const SegmentationOptions& options, std::shared_ptr<const ImageFeatures>& features);

  ServiceOptions options_;
  ThreadBudget budget_;
  std::vector<Model> models_;
  std::vector<LoadedFacts> facts_;
  std::vector<std::vector<Segmenter>> segmenters_;  // [worker][model]
  ByteCache<Seen> pictures_;
  ByteCache<Vocabulary> vocabularies_;
  ByteCache<Banked> banked_;
  Metrics metrics_;
  Lane words_lane_, picture_lane_;
};

}  // namespace san::serve
