#pragma once
// What the suites of the C interface share: handles that free themselves, and a small network.
#include <cstring>
#include <memory>
#include <string>

#include "library_fixture.h"
#include "san/san.h"

namespace san::testing {

using ::testing::HasSubstr;

template <class Handle, void (*free)(Handle*)>
struct Freed {
  void operator()(Handle* handle) const { free(handle); }
};
template <class Handle, void (*free)(Handle*)>
using Owner = std::unique_ptr<Handle, Freed<Handle, free>>;
using CModel = Owner<san_model, san_model_free>;
using Words = Owner<san_vocabulary, san_vocabulary_free>;
using CSegmenter = Owner<san_segmenter, san_segmenter_free>;
using Result = Owner<san_result, san_result_free>;
using Seen = Owner<san_features, san_features_free>;
using Buffer = Owner<san_buffer, san_buffer_free>;
using Picture = Owner<san_image, san_image_free>;
using Proposals = Owner<san_proposals, san_proposals_free>;

inline std::string text_of(const Buffer& buffer) {
  return {static_cast<const char*>(san_buffer_data(buffer.get())), san_buffer_size(buffer.get())};
}

/// One of C's structs that begin with their size, all else zero.
template <class Struct>
Struct sized() {
  Struct value{};
  value.size = sizeof value;
  return value;
}

/// The call failed as calls do: with a code and a reason.
inline void expect_failed(int status, const char* words) {
  EXPECT_EQ(status, SAN_ERROR) << words;
  EXPECT_EQ(san_last_status(), SAN_ERROR) << words;
  EXPECT_THAT(san_last_error(), HasSubstr(words));
}
inline void expect_failed(const void* result, const char* words) {
  EXPECT_EQ(result, nullptr) << words;
  expect_failed(san_last_status(), words);
}

class CApi : public Library {
 protected:
  CApi()
      : image_(picture(40, 56)),
        pixels_{sizeof pixels_, image_.rgb.data(), 40, 56, SAN_RGB, 0},
        model_(san_model_load("formula:tiny", nullptr)),
        words_(san_vocabulary_parse(model_.get(), "cat, sofa|couch, wall", nullptr)),
        segmenter_(san_segmenter_create(model_.get())) {}

  void SetUp() override { ASSERT_NE(segmenter_, nullptr) << san_last_error(); }

  san_result* segment(const san_segment_options* options = nullptr) {
    return san_segment(segmenter_.get(), words_.get(), &pixels_, options);
  }

  const Image image_;
  san_pixels pixels_;
  CModel model_;
  Words words_;
  CSegmenter segmenter_;
};

}  // namespace san::testing
