// folder MODEL FOLDER: labels and JSON for every picture in it; what is no picture is told and skipped.
#include <cstdio>
#include <filesystem>
#include <san/san.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const san::Model model = san::Model::load(argv[1]);
  const san::Vocabulary words = model.vocabulary(san::label_set_classes("voc-20"));  // or any names
  san::Segmenter segmenter = model.segmenter();
  san::DecodeOptions limits;
  limits.max_pixels = 50'000'000;  // pictures of strangers
  san::SegmentationOptions options;
  options.other = true;  // pixels of none of the classes

  int failed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
    const std::string path = entry.path().string(), stem = entry.path().stem().string();
    try {
      const san::Segmentation result = segmenter.segment(san::load_image(path, limits), words, options);
      const std::string json = result.json({.image = path, .model = argv[1], .colors = {}, .proposals = {}});
      san::save_file(stem + ".labels.png", san::encode_labels(result.labels));
      san::save_file(stem + ".json", std::as_bytes(std::span(json)));
      std::printf("%s: %.0f ms\n", path.c_str(), result.timing.total_ms());
    } catch (const san::Error& e) {
      std::fprintf(stderr, "error: %s (skipped)\n", e.what());
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
} catch (const san::Error& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
