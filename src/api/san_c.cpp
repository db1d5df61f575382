#include <cstring>

#include "san/san.h"
#include "san/san.hpp"

struct san_model {
  san::Model model;
};
struct san_vocabulary {
  san::Vocabulary vocabulary;
};
struct san_segmenter {
  san::Segmenter segmenter;
};

namespace {

thread_local std::string t_error;

// Nothing may be thrown into C.
template <class Result, class Body>
Result guard(Result failure, Body&& body) {
  try {
    t_error.clear();
    return body();
  } catch (const std::exception& e) {
    t_error = e.what();
  } catch (...) {
    t_error = "unknown failure";
  }
  return failure;
}

void need(const void* pointer, const char* what) {
  if (pointer == nullptr) throw san::Error(std::string(what) + " is NULL");
}

}  // namespace

const char* san_version(void) {
  return san::version();
}
const char* san_last_error(void) {
  return t_error.c_str();
}

san_model* san_model_load(const char* model, int threads) {
  return guard<san_model*>(nullptr, [&] {
    need(model, "model");
    san::ModelOptions options;
    options.threads = threads;
    return new san_model{san::Model::load(model, options)};
  });
}

void san_model_free(san_model* model) {
  delete model;
}

const char* san_model_description(const san_model* model) {
  return guard<const char*>(nullptr, [&] {
    need(model, "model");
    return model->model.description().c_str();
  });
}

san_vocabulary* san_vocabulary_create(const san_model* model, const char* const* classes, size_t count) {
  return guard<san_vocabulary*>(nullptr, [&] {
    need(model, "model");
    need(classes, "classes");
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) {
      need(classes[i], "a class name");
      names.emplace_back(classes[i]);
    }
    return new san_vocabulary{model->model.vocabulary(names)};
  });
}

void san_vocabulary_free(san_vocabulary* vocabulary) {
  delete vocabulary;
}

san_segmenter* san_segmenter_create(const san_model* model) {
  return guard<san_segmenter*>(nullptr, [&] {
    need(model, "model");
    return new san_segmenter{model->model.segmenter()};
  });
}

void san_segmenter_free(san_segmenter* segmenter) {
  delete segmenter;
}

int san_segment(san_segmenter* segmenter, const san_vocabulary* vocabulary, const uint8_t* rgb, int height,
                int width, size_t stride_bytes, int other, uint16_t* labels) {
  return guard(1, [&] {
    need(segmenter, "segmenter");
    need(vocabulary, "vocabulary");
    need(rgb, "rgb");
    need(labels, "labels");
    if (height <= 0 || width <= 0 || stride_bytes < static_cast<size_t>(width) * 3)
      throw san::Error(
          "san_segment: expected a positive height and width and a stride of at least 3 bytes per pixel");
    san::Image image(height, width);
    for (int y = 0; y < height; ++y)
      std::memcpy(image.row(y), rgb + static_cast<size_t>(y) * stride_bytes, image.row_bytes());
    san::SegmentationOptions options;
    options.other = other != 0;
    const san::Segmentation result = segmenter->segmenter.segment(image, vocabulary->vocabulary, options);
    std::copy(result.labels.labels.begin(), result.labels.labels.end(), labels);
    return 0;
  });
}
