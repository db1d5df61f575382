#include "demo_world.h"

#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "base/log.h"
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

}  // namespace

DemoWorldData demo_world_dataset(const DemoWorldArguments& a, const std::string& split, const fs::path& cache,
                                 int threads, bool quiet, const std::atomic<bool>& interrupted) {
  const auto pictures = built_picture_files(a.world);
  const fs::path concepts = world_file(a.concepts);
  std::vector<fs::path> inputs = pictures;
  inputs.push_back(concepts);
  const std::string name = split.empty() ? "mixed" : split;
  fs::path root = cache.empty() ? EmbeddingCache::default_directory() : cache;
  if (root.empty()) root = fs::temp_directory_path() / "san";
  const fs::path folder = root / fmt::format("demo-world-{}-{}", name, content_key(inputs, name));

  ThreadPool pool(threads);
  const auto world = World::load(concepts, pictures, &pool);
  const EvalScenes scenes(world, parse_eval_split(name));
  if (!fs::exists(folder)) {
    log::info("rendering {} scenes of the demo world, split {}, into {}", scenes.size(), name,
              folder.string());
    // Rendered aside and renamed, so that an interrupted run leaves no half set behind.
    const fs::path part = folder.string() + fmt::format(".part-{}", ::getpid());
    fs::create_directories(part);
    WorldExport output;
    output.output = part;
    output.split = name;
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
  data.spec.name = "demo-world " + name;
  data.spec.title = "the demo world, split " + name;
  for (std::size_t c = 0; c < scenes.seen().size(); ++c)
    (scenes.seen()[c] ? data.seen : data.unseen).push_back(static_cast<int>(c));
  return data;
}

}  // namespace san::cli
