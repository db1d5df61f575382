#include "demo_world.h"

#include <unistd.h>

#include "bank/builder.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "base/labels.h"
#include "base/log.h"
#include "base/progress.h"
#include "engine/network_hash.h"
#include "program/companion.h"
#include "text/embedding_cache.h"
#include "world/export/export.h"
#include "world/samplers.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

// Names the scenes by all they depend on.
std::string content_key(const std::vector<fs::path>& files, const std::string& split) {
  Sha256 hash;
  hash.update("demo-world-1 " + split);
  for (const fs::path& file : files) hash.update(read_file(file).bytes);
  return hash.hex().substr(0, 16);
}

fs::path cache_root(const fs::path& cache) {
  const fs::path root = cache.empty() ? EmbeddingCache::default_directory() : cache;
  // Absolute: a description's folders would else be looked for beside the data.
  return fs::absolute(root.empty() ? fs::temp_directory_path() / "san" : root);
}

/// Which classes still lack pictures: concepts are drawn, grounds come by themselves.
class Lacking {
 public:
  Lacking(const EvalScenes& scenes, int per_class)
      : per_class_(per_class), pictures_(scenes.class_names().size()), drawn_(scenes.pictured()) {}

  std::vector<int> concepts() const {
    std::vector<int> out;
    for (const int c : drawn_)
      if (lacks(static_cast<std::size_t>(c))) out.push_back(c);
    return out;
  }
  /// Leaves of the labels those of which more is wanted, and counts them.
  void keep(LabelMap& labels) {
    std::vector<bool> shown(pictures_.size());
    for (Label& label : labels.labels) {
      if (label == kNoLabel) continue;
      if (lacks(label))
        shown[label] = true;
      else
        label = kNoLabel;
    }
    for (std::size_t c = 0; c < shown.size(); ++c) pictures_[c] += shown[c] ? 1 : 0;
  }

 private:
  bool lacks(std::size_t c) const { return pictures_[c] < per_class_; }

  int per_class_;
  std::vector<int> pictures_, drawn_;
};

/// What the scenes of a split are made from, and what their cache is named by.
struct SceneSource {
  SceneSource(const DemoWorldArguments& a, const std::string& asked)
      : pictures(built_picture_files(a.world)),
        concepts(world_file(a.concepts)),
        split(asked.empty() ? "mixed" : asked) {}

  std::string key(const std::string& use) const {
    std::vector<fs::path> files = pictures;
    files.push_back(concepts);
    return content_key(files, use);
  }
  std::shared_ptr<const World> load(ThreadPool& pool) const { return World::load(concepts, pictures, &pool); }

  std::vector<fs::path> pictures;
  fs::path concepts;
  std::string split;
};

}  // namespace

DemoWorldData demo_world_dataset(const DemoWorldArguments& a, const std::string& split, const fs::path& cache,
                                 int threads, bool quiet, const std::atomic<bool>& interrupted) {
  const SceneSource source(a, split);
  const fs::path folder =
      cache_root(cache) / fmt::format("demo-world-{}-{}", source.split, source.key(source.split));

  ThreadPool pool(threads);
  const auto world = source.load(pool);
  const EvalScenes scenes(world, parse_eval_split(source.split));
  if (!fs::exists(folder)) {
    log::info("rendering {} scenes of the demo world, split {}, into {}", scenes.size(), source.split,
              folder.string());
    // Rendered aside and renamed, so that an interrupted run leaves no half set behind.
    const fs::path part = folder.string() + fmt::format(".part-{}", ::getpid());
    fs::create_directories(part);
    WorldExport output;
    output.output = part;
    output.split = source.split;
    output.count = scenes.size();
    output.sheet = false;
    output.quiet = quiet;
    output.cancelled = &interrupted;
    try {
      export_world(world, output, &pool);
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(part, ignored);
      throw;
    }
    std::error_code error;
    fs::rename(part, folder, error);
    if (error) fs::remove_all(part);  // another process was first
    require(fs::exists(folder), "{}: cannot be created: {}", folder.string(), error.message());
  }
  DemoWorldData data;
  data.spec = describe_folders(folder / "images", folder / "labels", folder / "classes.txt");
  data.spec.name = "demo-world " + source.split;
  data.spec.title = "the demo world, split " + source.split;
  for (std::size_t c = 0; c < scenes.seen().size(); ++c)
    (scenes.seen()[c] ? data.seen : data.unseen).push_back(static_cast<int>(c));
  return data;
}

ExampleBank demo_world_bank(const DemoWorldArguments& a, const std::string& split, int per_class,
                            const std::shared_ptr<const Engine>& engine,
                            const std::shared_ptr<const TextEmbeddings>& words, const fs::path& cache,
                            int threads, bool quiet, const std::atomic<bool>& interrupted) {
  require(per_class >= 1 && per_class <= 1000, "--bank demo-world:{}: expected 1 to 1000 pictures a class",
          per_class);
  const SceneSource source(a, split);
  const std::string key =
      source.key(fmt::format("bank-2 {} {} {}", source.split, per_class, network_hash(engine->model())));
  const fs::path file =
      cache_root(cache) / fmt::format("demo-world-{}-{}-{}.bank", source.split, per_class, key);
  if (fs::exists(file)) return load_bank(file);

  ThreadPool pool(threads);
  const EvalScenes scenes(source.load(pool), parse_eval_split(source.split));
  Session session(engine, threads);
  const Backend::CancelWhen stop(session.backend(), &interrupted);
  ExampleCollector collector(engine, words);
  Lacking lacking(scenes, per_class);
  // Scenes hold at least three things; some are hidden.
  const int most = 2 * per_class * static_cast<int>(scenes.class_names().size());
  Progress progress("bank: scenes", 0, quiet);
  int index = 0;
  for (std::vector<int> wanted; index < most && !(wanted = lacking.concepts()).empty(); ++index) {
    LabelledScene scene = scenes.lesson(index, wanted);
    lacking.keep(scene.labels);
    collector.add(session, session.look(scene.image), scene.labels);
    progress.advance(1);
  }
  progress.finish();
  log::info(
      "bank: {} scenes of the demo world, split {}: the drawings and grounds that measure, in other places",
      index, source.split);
  const ExampleBank bank = collector.finish();
  fs::create_directories(file.parent_path());
  save_bank(bank, file);
  return bank;
}

}  // namespace san::cli
