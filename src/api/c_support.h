#pragma once
#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>

#include "san/model.hpp"
#include "san/san.h"
#include "san/stream.hpp"

struct san_buffer {
  std::string bytes;
};
struct san_cancellation {
  std::atomic<bool> flag{false};
};
struct san_threads {
  san::ThreadBudget budget;
};
struct san_image {
  san::Image image;
};
struct san_model {
  san::Model model;
  san::ModelFacts facts;
};
struct san_vocabulary {
  san::Vocabulary vocabulary;
};
struct san_segmenter {
  san::Segmenter segmenter;
  san::Segmentation latest;  ///< of san_segment_labels(), for its memory
};
struct san_features {
  san::ImageFeatures features;
};
struct san_stream {
  san::Stream stream;
};
struct san_whole_clip {
  san::WholeClip clip;
};
struct san_bank {
  san::Bank bank;
};
struct san_result {
  san::Segmentation result;
  // Labels of 16 bits, made when they are asked for.
  mutable std::mutex narrowing{};
  mutable std::vector<std::uint16_t> narrow{};
};
struct san_proposals {
  std::vector<san::MaskProposal> proposals;
  std::vector<std::string> rle_counts;
};

namespace san::c {

void clear_error();
/// Keeps why a call failed for san_last_error().
void set_error(int status, const char* message) noexcept;

/// Runs `body`; nothing may be thrown into C. Returns `failure` when something was.
template <class Result, class Body>
Result guard(Result failure, Body&& body) noexcept {
  try {
    clear_error();
    Result result = body();
    clear_error();  // of what a callback asked for
    return result;
  } catch (const Cancelled& e) {
    set_error(SAN_CANCELLED, e.what());
  } catch (const std::bad_alloc&) {
    set_error(SAN_ERROR, "out of memory");
  } catch (const std::exception& e) {
    set_error(SAN_ERROR, e.what());
  } catch (...) {
    set_error(SAN_ERROR, "unknown failure");
  }
  return failure;
}

/// guard() of functions that return a code.
template <class Body>
int status(Body&& body) noexcept {
  const bool done = guard(false, [&] {
    body();
    return true;
  });
  return done ? SAN_OK : san_last_status();
}

/// Throws Error when the pointer is null.
void need(const void* pointer, const char* what);
template <class T>
T& at(T* pointer, const char* what) {
  need(pointer, what);
  return *pointer;
}

/// Throws Error unless both sides are positive and hold at most 2^30 pixels.
void require_sides(int height, int width);
/// Throws Error unless `capacity` entries hold `count` maps of that size.
void require_room(std::size_t capacity, std::size_t count, int height, int width, const char* what);

/// A copy. Throws Error on NULL, and as require_sides().
template <class Value>
LabelMap label_map(const Value* labels, int height, int width) {
  need(labels, "labels");
  require_sides(height, width);
  LabelMap map(height, width);
  std::copy_n(labels, map.labels.size(), map.labels.begin());
  return map;
}

/// Throws Error where labels of so many classes, "other" among them, do not go into 16 bits.
void require_narrow(std::size_t classes);

/// Throws Error unless `size` can be that of a struct of which this library knows `known` bytes, and unless
/// what lies beyond them is zero.
void check_size(const void* given, std::size_t size, std::size_t known, const char* name);

/// The caller's struct as this library knows it: fields that the caller's header did not have are zero.
template <class Options>
Options read(const Options* given, const char* name) {
  Options options{};
  if (given == nullptr) return options;
  check_size(given, given->size, sizeof options, name);
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  return options;
}

/// Fills as much of the caller's struct as its header has.
template <class Facts>
void fill(Facts* to, Facts from, const char* name) {
  need(to, name);
  const std::size_t size = to->size;
  check_size(nullptr, size, sizeof from, name);
  from.size = size;
  std::memcpy(to, &from, std::min(size, sizeof from));
}

ImageView view(const san_pixels* pixels);
Watch watch(const san_cancellation* cancellation, san_progress progress, void* user);
SegmentationOptions segmentation_options(const san_segment_options* options);
/// What of the options' strings, colours and proposals is there; it borrows from them and from `table`.
JsonOptions json_options(const san_json_options* options, std::vector<Rgb>& table);
std::vector<Rgb> colors(const std::uint8_t* bytes, std::size_t count);
inline std::string text_or(const char* text, const char* otherwise) {
  return text != nullptr ? text : otherwise;
}
template <class Bytes>
san_buffer* buffer(const Bytes& bytes) {
  return new san_buffer{{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

}  // namespace san::c
