// one_picture MODEL PICTURE: what is in it, and how much of it; overlay.png for people.
#include <cstdio>
#include <san/san.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const san::Model model = san::Model::load(argv[1]);  // a file, "default", "formula:vit-b-16"
  const san::Vocabulary words = model.vocabulary({"cup|mug", "spoon", "wooden table"});
  san::Segmenter segmenter = model.segmenter();  // one per thread

  const san::Image image = san::load_image(argv[2]);
  const san::Segmentation result = segmenter.segment(image, words);
  for (std::size_t k = 0; k < words.classes().size(); ++k)
    std::printf("%s: %lld pixels\n", words.classes()[k].c_str(), static_cast<long long>(result.areas[k]));
  san::save_file("overlay.png", san::encode_png(san::draw_overlay(image, result)));
  return 0;
} catch (const san::Error& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
