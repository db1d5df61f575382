#include "train/world_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"

namespace san {
namespace {

void copy_scene(const LabelledScene& scene, std::uint8_t* rgb, Label* labels) {
  std::ranges::copy(scene.image.rgb, rgb);
  std::ranges::copy(scene.labels.labels, labels);
}

class WorldSamples : public SampleSource {
 public:
  WorldSamples(std::shared_ptr<const World> world, const SceneOptions& options, std::uint64_t seed)
      : options_(options), sampler_(std::move(world), options, seed) {}
  const std::vector<std::string>& class_names() const override { return sampler_.class_names(); }
  int height() const override { return options_.height; }
  int width() const override { return options_.width; }
  int group(std::uint64_t) const override { return 0; }
  void fill(std::uint64_t position, std::uint8_t* rgb, Label* labels) const override {
    copy_scene(sampler_.scene(position), rgb, labels);
  }

 private:
  SceneOptions options_;
  SceneSampler sampler_;
};

class WorldEvaluation : public EvaluationSet {
 public:
  WorldEvaluation(std::shared_ptr<const World> world, EvalSplit split, int size)
      : scenes_(std::move(world), split, size) {}
  const std::vector<std::string>& class_names() const override { return scenes_.class_names(); }
  int size() const override { return scenes_.size(); }
  /// Composed at the size asked for: nothing to resize.
  EvaluationPicture load(int index, int, int) const override {
    LabelledScene scene = scenes_.scene(index);
    return {scene.image, std::move(scene.labels), scene.image};
  }
  std::vector<std::pair<std::string, std::vector<int>>> groups() const override {
    std::vector<std::pair<std::string, std::vector<int>>> groups{{"seen", {}}, {"unseen", {}}};
    for (std::size_t i = 0; i < scenes_.seen().size(); ++i)
      groups[scenes_.seen()[i] ? 0 : 1].second.push_back(static_cast<int>(i));
    return groups;
  }

 private:
  EvalScenes scenes_;
};

}  // namespace

std::shared_ptr<const SampleSource> world_samples(std::shared_ptr<const World> world, const Recipe& recipe) {
  SceneOptions options;
  options.height = options.width = recipe.data.size;
  options.restyle = recipe.data.restyle;
  options.most = recipe.data.objects;
  return std::make_shared<WorldSamples>(std::move(world), options, recipe.seed);
}

std::shared_ptr<const EvaluationSet> world_evaluation(std::shared_ptr<const World> world, EvalSplit split,
                                                      int size) {
  return std::make_shared<WorldEvaluation>(std::move(world), split, size);
}

std::shared_ptr<const World> load_world(const Recipe& recipe) {
  require(!recipe.data.concepts.empty() && !recipe.data.pictures.empty(),
          "the demo world needs DATASETS.CONCEPTS and DATASETS.PICTURES");
  std::vector<std::filesystem::path> there;
  for (const std::filesystem::path& path : recipe.data.pictures)
    if (std::filesystem::exists(path))
      there.push_back(path);
    else
      log::warn("{} is not there: going on without it (san world build makes it)", path.string());
  require(!there.empty(), "none of DATASETS.PICTURES is there; make them with: san world build");
  ThreadPool pool;
  return World::load(recipe.data.concepts, there, &pool);
}

}  // namespace san
