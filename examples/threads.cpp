// threads MODEL PICTURE: four callers, each with a segmenter of its own, computing on two threads together.
#include <atomic>
#include <cstdio>
#include <san/san.hpp>
#include <thread>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  san::ModelOptions options;
  options.budget = san::ThreadBudget(2);  // may be given to further models
  const san::Model model = san::Model::load(argv[1], options);
  const san::Vocabulary words = model.vocabulary({"cat", "sofa|couch", "wall"});
  const san::Image image = san::load_image(argv[2]);
  const san::LabelMap expected = model.segmenter().segment(image, words).labels;

  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      try {
        san::Segmenter segmenter = model.segmenter();
        for (int picture = 0; picture < 3; ++picture)
          if (segmenter.segment(image, words).labels != expected) ++wrong;
      } catch (const san::Error& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        ++wrong;
      }
    });
  for (std::thread& caller : callers) caller.join();
  std::printf("%d of 12 results differ\n", wrong.load());
  return wrong == 0 ? 0 : 1;
} catch (const san::Error& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
