/* in_c MODEL: the labels of a picture made here, in C. */
#include <san/san.h>
#include <stdio.h>

int main(int argc, char** argv) {
  static uint8_t rgb[64 * 96 * 3];
  const san_pixels picture = {
      .size = sizeof picture, .data = rgb, .height = 64, .width = 96, .format = SAN_RGB};
  const san_model_options options = {.size = sizeof options, .threads = 2}; /* NULL: all defaults */
  san_model* model = san_model_load(argc > 1 ? argv[1] : "default", &options);
  san_vocabulary* words = model ? san_vocabulary_parse(model, "cup|mug, spoon, wooden table", NULL) : NULL;
  san_segmenter* segmenter = words ? san_segmenter_create(model) : NULL;
  san_result* result = segmenter ? san_segment(segmenter, words, &picture, NULL) : NULL;
  const int failed = result == NULL;
  if (!failed) {
    const uint16_t label = san_result_labels(result)[0];
    printf("the first pixel is of class %d: %s\n", label, san_result_class(result, label));
  } else {
    fprintf(stderr, "error: %s\n", san_last_error());
  }
  san_result_free(result); /* all of them take NULL */
  san_segmenter_free(segmenter);
  san_vocabulary_free(words);
  san_model_free(model);
  return failed;
}
