// own_words MODEL PICTURE LIST: the network looks once and is asked with several vocabularies.
#include <cstdio>
#include <filesystem>
#include <san/san.hpp>

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  const san::Model model = san::Model::load(argv[1]);

  // "couch|sofa" is one class with two names. Embeddings are cached on disk; a saved vocabulary needs no text
  // tower.
  const san::Vocabulary rough = model.vocabulary(san::parse_class_list("animal, furniture|couch|sofa, wall"));
  if (!std::filesystem::exists("words.safetensors")) {
    san::VocabularyOptions options;
    options.templates = {"a photo of a {}.", "there is a {} in the scene."};
    options.watch.progress = [](std::int64_t done, std::int64_t total) {
      std::fprintf(stderr, "embedding %lld of %lld prompts\n", static_cast<long long>(done),
                   static_cast<long long>(total));
    };
    model.vocabulary(san::load_class_file(argv[3]), options).save("words.safetensors");
  }
  const san::Vocabulary fine = model.load_vocabulary("words.safetensors");

  san::Segmenter segmenter = model.segmenter();
  const san::ImageFeatures seen = segmenter.look(san::load_image(argv[2]));  // nearly all of the work
  for (const san::Vocabulary* words : {&rough, &fine}) {
    const san::Segmentation result = segmenter.segment(seen, *words);
    const std::vector<san::MaskProposal> masks = result.proposals();  // the best first
    for (std::size_t i = 0; i < masks.size() && i < 5; ++i)
      std::printf("%s %.2f, %lld pixels\n",
                  result.classes()[static_cast<std::size_t>(masks[i].class_index)].c_str(),
                  static_cast<double>(masks[i].score()), static_cast<long long>(masks[i].mask.area()));
  }
  return 0;
} catch (const san::Error& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
