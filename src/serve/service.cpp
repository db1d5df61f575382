#include "serve/service.h"

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "base/log.h"
#include "serve/refusal.h"

namespace san::serve {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kVocabularyCacheBytes = std::size_t{64} << 20;

class Watcher {  // adds the seconds of its life to a stage
 public:
  explicit Watcher(double& stage) : stage_(stage) {}
  ~Watcher() { stage_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  double& stage_;
  Clock::time_point start_ = Clock::now();
};

/// What requests call a model: never a path.
std::string id_of(const std::string& model) {
  return model.find('/') == std::string::npos && !model.ends_with(".safetensors")
             ? model
             : std::filesystem::path(model).stem().string();
}

std::string key_of(const Words& words, std::size_t model) {
  std::string key = fmt::format("{}\n", model);
  const auto add = [&](const std::vector<ClassName>& classes) {
    for (const ClassName& c : classes) key += fmt::format("{}\n", fmt::join(c.names, "|"));
    key += '\f';
  };
  add(words.classes);
  add(words.distractors);
  if (words.choose_distractors) key += "auto\f";
  return key + fmt::format("{}", fmt::join(words.templates, "\n"));
}

std::string hash_of(std::string_view bytes) {
  Sha256 hash;
  return hash.update(bytes).hex();
}

/// Tiles along `length` pixels.
int tiles_along(int length, int side, int overlap) {
  return length <= side ? 1 : (length - overlap + side - overlap - 1) / (side - overlap);
}

/// What of a request tiles cannot answer.
void check_tiles(const SegmentRequest& request, const Image& image, int most) {
  for (const Output output : {Output::kProposals, Output::kRunnerUp})
    expect(!request.wants(output), 422, "impossible", "output",
           "mask proposals and runners-up are of one look at the whole picture; leave out tile");
  const std::int64_t tiles = std::int64_t{tiles_along(image.height, request.tile, request.tile_overlap)} *
                             tiles_along(image.width, request.tile, request.tile_overlap);
  expect(tiles <= most, 422, "impossible", "tile",
         "tile: {} tiles of {} pixels for a picture of {} × {}; at most {} are computed", tiles, request.tile,
         image.width, image.height, most);
}

}  // namespace

/// A picture with its features, by what the network was shown: a model and sizes.
struct Service::Seen {
  std::string sha256;
  std::shared_ptr<const Image> image;
  std::map<std::string, std::shared_ptr<const ImageFeatures>> features;

  std::size_t bytes() const {
    std::size_t sum = image->rgb.size();
    for (const auto& [key, f] : features) sum += f->bytes();
    return sum;
  }
};

/// Words with examples. The words are kept, so that no others come to lie where they do.
struct Service::Banked {
  Vocabulary plain, words;
};

Service::Service(ServiceOptions options)
    : options_(std::move(options)),
      budget_(options_.model.threads),
      segmenters_(static_cast<std::size_t>(options_.workers)),
      pictures_(options_.cache_bytes),
      vocabularies_(kVocabularyCacheBytes),
      banked_(kVocabularyCacheBytes),
      words_lane_(1, options_.queue),
      picture_lane_(options_.workers, options_.queue) {
  options_.model.budget = budget_;
  for (const std::string& name : options_.models) {
    const std::string id = id_of(name);
    const auto same = [&](const LoadedFacts& f) { return f.id == id; };
    if (std::ranges::any_of(facts_, same))
      throw Error(fmt::format("--model {}: a model {} is there already", name, id));
    models_.push_back(Model::load(name, options_.model));
    facts_.push_back({id, models_.back().facts()});
    log::info("model {}: {}", id, facts_.back().facts.description);
    for (auto& worker : segmenters_) worker.push_back(models_.back().segmenter());
  }
}

Service::~Service() {
  stop();
}

void Service::stop() {
  for (Lane* lane : {&words_lane_, &picture_lane_}) {
    lane->stop();
    lane->cancel_all();
  }
}

bool Service::idle() const {
  const auto empty = [](const Lane& lane) {
    const Lane::State s = lane.state();
    return s.waiting + s.running == 0;
  };
  return empty(words_lane_) && empty(picture_lane_);
}

void Service::warm_up() {
  for (std::size_t i = 0; i < models_.size(); ++i) {
    const int side = facts_[i].facts.short_side;
    models_[i].segmenter().warm_up(side, side);
  }
}

std::size_t Service::find_model(const std::string& id) const {
  if (id.empty()) return 0;
  const auto found = std::ranges::find(facts_, id, &LoadedFacts::id);
  expect(found != facts_.end(), 404, "unknown_model", "model",
         "there is no such model here; GET /v1/models lists them");
  return static_cast<std::size_t>(found - facts_.begin());
}

VocabularyOptions Service::vocabulary_options(const std::vector<std::string>& templates) const {
  VocabularyOptions o;
  o.templates = templates;
  o.cache_folder = options_.cache_folder;
  o.use_cache = options_.use_cache;
  return o;
}

Vocabulary Service::embed_now(std::size_t model, const Words& words, VocabularyOptions options) const {
  const Model& m = models_[model];
  if (words.choose_distractors) {
    if (!facts_[model].facts.random_weights) options.distractors = m.distractors(words.classes, options);
  } else {
    for (const ClassName& c : words.distractors)
      options.distractors.push_back(fmt::format("{}", fmt::join(c.names, "|")));
  }
  return m.vocabulary(words.classes, options);
}

Vocabulary Service::embed(const std::string& model_id, const Words& words, const Lane::Caller& caller) {
  const std::size_t model = find_model(model_id);
  if (!words.vocabulary.empty()) return stored_vocabulary(facts_[model].id, words.vocabulary);
  const std::string key = key_of(words, model);
  if (const auto found = vocabularies_.find(key)) return *found;
  std::shared_ptr<const Vocabulary> embedded;
  words_lane_.run(
      [&](int, const std::atomic<bool>& cancelled) {
        VocabularyOptions o = vocabulary_options(words.templates);
        o.watch.cancelled = &cancelled;
        try {
          embedded = std::make_shared<const Vocabulary>(embed_now(model, words, o));
        } catch (const Cancelled&) {
          throw;
        } catch (const Error& e) {
          throw Refusal(422, "bad_class", public_words(e.what()), "classes");
        }
      },
      caller);
  std::size_t names = embedded->distractors().size();
  for (const ClassName& c : words.classes) names += c.names.size();
  vocabularies_.put(
      key, embedded,
      key.size() + names * static_cast<std::size_t>(facts_[model].facts.embedding) * sizeof(float));
  return *embedded;
}

Vocabulary Service::with_bank(std::size_t model, const Vocabulary& words, const NamedBank& bank,
                              float weight) {
  const std::string key =
      fmt::format("{} {} {} {}", model, static_cast<const void*>(&words.classes()), bank.version, weight);
  if (const auto found = banked_.find(key)) return found->words;
  const auto made =
      std::make_shared<const Banked>(Banked{words, models_[model].with_bank(words, bank.bank, weight)});
  const auto dim = static_cast<std::size_t>(facts_[model].facts.embedding);
  banked_.put(key, made,
              (2 * dim + bank.bank.classes().size()) * dim * sizeof(double) +
                  words.classes().size() * dim * sizeof(float));
  return made->words;
}

Vocabulary Service::words_of(const SegmentRequest& request, std::size_t model, const Lane::Caller& caller,
                             Stages& stages) {
  const Watcher watch(stages.words);
  const Vocabulary words = embed(request.model, request.words, caller);
  if (!request.bank.wanted || !named_bank) return words;
  const auto bank = named_bank(facts_[model].id, request.bank.name);
  if (!bank || !bank->bank.knows(words)) return words;
  stages.bank = bank->name;
  return with_bank(model, words, *bank, request.bank.weight < 0 ? bank->weight : request.bank.weight);
}

SegmentationOptions Service::options_of(const SegmentRequest& request) const {
  SegmentationOptions options;
  options.other = request.other;
  options.short_side = request.short_side;
  options.preprocessing = request.preprocessing;
  options.refine = request.refine.value_or(options_.refine && request.tile == 0);
  return options;
}

Service::SeenPtr Service::decode(const SegmentRequest& request, const std::string& sha256) const {
  DecodeOptions o;
  o.max_pixels = options_.limits.pixels;
  o.max_bytes = options_.limits.body_bytes;
  o.sandbox = options_.sandbox;
  auto seen = std::make_shared<Seen>();
  seen->sha256 = sha256;
  try {
    seen->image = request.pixels ? request.pixels
                                 : std::make_shared<const Image>(
                                       decode_image(std::as_bytes(std::span(request.image)), "image", o));
  } catch (const Error& e) {
    throw Refusal(422, "bad_image", public_words(e.what()), "image");
  }
  const Image& image = *seen->image;
  expect(std::max(image.height, image.width) <= options_.limits.side, 422, "bad_image", "image",
         "image: {} × {} pixels; sides of at most {} are taken", image.width, image.height,
         options_.limits.side);
  return seen;
}

Service::SeenPtr Service::find_picture(const SegmentRequest& request, Stages& stages) {
  stages.sha256 = request.image_sha256;
  if (request.pixels)
    stages.sha256 = hash_of(fmt::format("{} {}\n", request.pixels->height, request.pixels->width) +
                            std::string(request.pixels->rgb.begin(), request.pixels->rgb.end()));
  else if (stages.sha256.empty())
    stages.sha256 = hash_of(request.image);
  SeenPtr seen = pictures_.find(stages.sha256);
  expect(seen || request.image_sha256.empty(), 404, "unknown_picture", "image_sha256",
         "this picture is not here, or not any more; send it again");
  return seen;
}

Service::SeenPtr Service::look(Segmenter& segmenter, std::size_t model, const SegmentRequest& request,
                               SeenPtr seen, const SegmentationOptions& options,
                               std::shared_ptr<const ImageFeatures>& features) {
  const std::string key =
      fmt::format("{} {} {}", model, options.short_side, static_cast<int>(request.preprocessing));
  if (const auto found = seen->features.find(key); found != seen->features.end()) {
    features = found->second;
    return seen;
  }
  SegmentationOptions for_all = options;
  for_all.refine = true;  // what refined edges need is little beside the rest
  features = std::make_shared<const ImageFeatures>(segmenter.look(*seen->image, for_all));
  auto more = std::make_shared<Seen>(*seen);
  more->features[key] = features;
  pictures_.put(more->sha256, more, more->bytes());
  return more;
}

Stages Service::segment(const SegmentRequest& request, const Lane::Caller& caller, const Finish& finish) {
  Stages stages;
  const std::size_t model = find_model(request.model);
  const ModelFacts& facts = facts_[model].facts;
  expect(!request.other || facts.knows_background, 422, "impossible", "background",
         "method {} knows no background", facts.method);
  expect(!request.wants(Output::kProposals) || facts.makes_masks, 422, "impossible", "output",
         "method {} makes no mask proposals", facts.method);
  SeenPtr seen = find_picture(request, stages);
  const Vocabulary words = words_of(request, model, caller, stages);
  expect(request.colors.empty() || request.colors.size() == words.classes().size(), 422, "invalid_field",
         "colors", "colors: {} for {} classes", request.colors.size(), words.classes().size());

  SegmentationOptions options = options_of(request);
  options.label_scores = request.wants(Output::kJson) || request.wants(Output::kScores);
  options.tile = request.tile;
  if (request.tile > 0) options.tile_overlap = request.tile_overlap > 0 ? request.tile_overlap : -1;
  stages.queue = picture_lane_.run(
      [&](int worker, const std::atomic<bool>& cancelled) {
        Segmenter& segmenter = segmenters_[static_cast<std::size_t>(worker)][model];
        options.watch.cancelled = &cancelled;
        if (!seen) {
          const Watcher watch(stages.decode);
          seen = decode(request, stages.sha256);
        }
        if (request.tile > 0) check_tiles(request, *seen->image, options_.limits.tiles);
        double asked = 0;
        std::shared_ptr<const ImageFeatures> features;
        Segmentation result = [&]() -> Segmentation {
          try {
            if (request.tile > 0) {
              pictures_.put(seen->sha256, seen, seen->bytes());
              return segmenter.segment(*seen->image, words, options);
            }
            const std::size_t before = seen->features.size();
            seen = look(segmenter, model, request, seen, options, features);
            stages.seen_before = seen->features.size() == before;
            const Watcher watch(asked);
            return segmenter.segment(*features, words, options);
          } catch (const Cancelled&) {
            throw;
          } catch (const Error& e) {  // sizes that no network could take
            throw Refusal(422, "impossible", public_words(e.what()));
          }
        }();
        if (!stages.seen_before) {
          stages.resize = result.timing.resize_ms / 1e3;
          stages.network = result.timing.network_ms / 1e3;
        }
        stages.labels = stages.seen_before ? asked : result.timing.labels_ms / 1e3;
        const Watcher watch(stages.write);
        finish({*seen->image, result, request.other || !words.distractors().empty(), stages.sha256,
                features.get()});
      },
      caller);
  const std::string& id = facts_[model].id;
  metrics_.count("san_pictures_total", {{"model", id}});
  metrics_.count("san_pixels_total", {{"model", id}},
                 static_cast<double>(seen->image->height) * static_cast<double>(seen->image->width));
  const std::pair<const char*, double> all[] = {{"queue", stages.queue},     {"words", stages.words},
                                                {"decode", stages.decode},   {"resize", stages.resize},
                                                {"network", stages.network}, {"labels", stages.labels},
                                                {"write", stages.write}};
  for (const auto& [name, took] : all) metrics_.observe("san_stage_seconds", {{"stage", name}}, took);
  return stages;
}

std::string Service::explain(const SegmentRequest& request, const Lane::Caller& caller) {
  const std::size_t model = find_model(request.model);
  expect(facts_[model].explains(), 422, "impossible", "model", "method {} on backend {} cannot be explained",
         facts_[model].facts.method, facts_[model].facts.backend);
  Stages stages;
  SeenPtr seen = find_picture(request, stages);
  const Vocabulary words = words_of(request, model, caller, stages);
  SegmentationOptions options = options_of(request);
  JsonOptions names{request.image_name, facts_[model].id, {}, {}};
  if (request.colors.size() == words.classes().size()) names.colors = request.colors;
  std::string json;
  picture_lane_.run(
      [&](int worker, const std::atomic<bool>& cancelled) {
        options.watch.cancelled = &cancelled;
        if (!seen) seen = decode(request, stages.sha256);
        Segmenter& segmenter = segmenters_[static_cast<std::size_t>(worker)][model];
        try {
          json = segmenter.explain(*seen->image, words, options, names);
        } catch (const Cancelled&) {
          throw;
        } catch (const Error& e) {  // sizes that no network could take
          throw Refusal(422, "impossible", public_words(e.what()));
        }
      },
      caller);
  return json;
}

std::vector<Metrics::Gauge> Service::gauges() const {
  const Lane::State pictures = picture_lane_.state(), words = words_lane_.state();
  const auto seen = pictures_.state();
  const auto kept = vocabularies_.state();
  const auto number = [](auto value) { return static_cast<double>(value); };
  return {
      {"san_queue_waiting", "Requests that wait for the model.", number(pictures.waiting + words.waiting)},
      {"san_queue_running", "Requests that are computed.", number(pictures.running + words.running)},
      {"san_queue_limit", "Requests that may wait.", number(options_.queue)},
      {"san_picture_cache_bytes", "Memory of pictures that were seen, with their features.",
       number(seen.bytes)},
      {"san_picture_cache_entries", "Pictures that were seen.", number(seen.entries)},
      {"san_picture_cache_hits_total", "Requests about a picture that was there.", number(seen.hits), true},
      {"san_picture_cache_misses_total", "Requests about one that was not.", number(seen.misses), true},
      {"san_vocabulary_cache_bytes", "Memory of embedded words.", number(kept.bytes)},
      {"san_vocabulary_cache_hits_total", "Requests with words that were embedded.", number(kept.hits), true},
      {"san_vocabulary_cache_misses_total", "Requests with words that were not.", number(kept.misses), true}};
}

}  // namespace san::serve
