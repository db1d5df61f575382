#include <san/san.h>
#include <stdio.h>

int main(int argc, char** argv) {
  static uint8_t rgb[64 * 96 * 3];
  static uint16_t labels[64 * 96];
  const char* classes[] = {"cup|mug", "spoon", "wooden table"};
  san_model* model = san_model_load(argc > 1 ? argv[1] : "default", 0);
  san_vocabulary* words = model ? san_vocabulary_create(model, classes, 3) : NULL;
  san_segmenter* segmenter = words ? san_segmenter_create(model) : NULL;
  int failed = segmenter == NULL || san_segment(segmenter, words, rgb, 64, 96, 96 * 3, 0, labels);
  if (failed)
    fprintf(stderr, "error: %s\n", san_last_error());
  else
    printf("the first pixel is of class %d: %s\n", labels[0], classes[labels[0]]);
  san_segmenter_free(segmenter);
  san_vocabulary_free(words);
  san_model_free(model);
  return failed;
}
