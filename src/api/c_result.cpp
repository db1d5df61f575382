#include <algorithm>

#include "api/c_support.h"
#include "base/error.h"
#include "san/draw.hpp"

namespace san::c {

JsonOptions json_options(const san_json_options* given, std::vector<Rgb>& table) {
  const san_json_options o = read(given, "san_json_options");
  table = colors(o.colors, o.color_count);
  JsonOptions options;
  options.image = text_or(o.image, "");
  options.model = text_or(o.model, "");
  options.colors = table;
  if (o.proposals != nullptr) options.proposals = o.proposals->proposals;
  return options;
}

}  // namespace san::c

using namespace san::c;

namespace {

/// Options and colours of an overlay.
std::pair<san::OverlayOptions, std::vector<san::Rgb>> overlay_options(const san_overlay_options* given) {
  const san_overlay_options o = read(given, "san_overlay_options");
  san::OverlayOptions options;
  if (o.opacity != 0) options.opacity = o.opacity;
  options.contours = o.no_contours == 0;
  options.names = o.no_names == 0;
  options.legend = o.no_legend == 0;
  return {options, colors(o.colors, o.color_count)};
}

}  // namespace

void san_result_free(san_result* result) {
  delete result;
}
int san_result_height(const san_result* result) {
  return result != nullptr ? result->result.labels.height : 0;
}
int san_result_width(const san_result* result) {
  return result != nullptr ? result->result.labels.width : 0;
}
size_t san_result_classes(const san_result* result) {
  return result != nullptr ? result->result.classes().size() : 0;
}
const char* san_result_class(const san_result* result, size_t index) {
  return index < san_result_classes(result) ? result->result.classes()[index].c_str() : nullptr;
}
const uint16_t* san_result_labels(const san_result* result) {
  if (result == nullptr) return nullptr;
  return guard<const uint16_t*>(nullptr, [&] {
    require_narrow(result->result.classes().size());
    const std::vector<san::Label>& labels = result->result.labels.labels;
    const std::lock_guard lock(result->narrowing);
    if (result->narrow.size() != labels.size()) result->narrow.assign(labels.begin(), labels.end());
    return result->narrow.data();
  });
}
const uint32_t* san_result_labels32(const san_result* result) {
  return result != nullptr ? result->result.labels.labels.data() : nullptr;
}
const float* san_result_label_scores(const san_result* result) {
  return result != nullptr && !result->result.label_scores.empty() ? result->result.label_scores.data()
                                                                   : nullptr;
}
int64_t san_result_area(const san_result* result, size_t index) {
  return result != nullptr && index < result->result.areas.size() ? result->result.areas[index] : -1;
}

san_buffer* san_result_rle(const san_result* result, size_t index) {
  return guard<san_buffer*>(nullptr, [&] {
    const san::Segmentation& r = at(result, "result").result;
    san::require(index < r.areas.size(), "mask of class {}; expected 0 to {}", index, r.areas.size() - 1);
    const san::Rle rle = san::encode_rle(r.labels, static_cast<san::Label>(index));
    return buffer(san::rle_counts_to_string(rle.counts));
  });
}

int san_result_get_timing(const san_result* result, san_timing* timing) {
  return status([&] {
    const san::Timing& t = at(result, "result").result.timing;
    fill(timing, {0, t.resize_ms, t.network_ms, t.labels_ms}, "san_timing");
  });
}

int san_result_class_scores(const san_result* result, const int32_t* classes, size_t count, int height,
                            int width, float* scores, size_t capacity) {
  return status([&] {
    const san::Segmentation& r = at(result, "result").result;
    need(classes, "classes");
    need(scores, "scores");
    san::require(count <= 65536, "scores of {} classes; at most 65536 at a time", count);
    const bool own = height == 0 && width == 0;
    require_room(capacity, count, own ? r.labels.height : height, own ? r.labels.width : width, "scores");
    const std::vector<int> chosen(classes, classes + count);
    std::ranges::copy(r.class_scores(chosen, height, width), scores);
  });
}

int san_result_save_scores(const san_result* result, const char* path) {
  return status([&] {
    need(path, "path");
    at(result, "result").result.save_scores(path);
  });
}

san_buffer* san_result_json(const san_result* result, const char* image, const char* model,
                            const san_proposals* proposals) {
  const san_json_options options{sizeof options, image, model, proposals, nullptr, 0};
  return san_result_json_with(result, &options);
}

san_buffer* san_result_json_with(const san_result* result, const san_json_options* options) {
  return guard<san_buffer*>(nullptr, [&] {
    const san::Segmentation& r = at(result, "result").result;
    std::vector<san::Rgb> table;
    return buffer(r.json(json_options(options, table)));
  });
}

san_image* san_result_overlay(const san_result* result, const san_pixels* pixels,
                              const san_overlay_options* given) {
  return guard<san_image*>(nullptr, [&] {
    const auto [options, table] = overlay_options(given);
    return new san_image{san::draw_overlay(view(pixels), at(result, "result").result, table, options)};
  });
}

int san_result_paint_overlay(const san_result* result, san_image* image, const san_overlay_options* given) {
  return status([&] {
    const auto [options, table] = overlay_options(given);
    san::paint_overlay(at(image, "image").image, at(result, "result").result, table, options);
  });
}

san_image* san_result_sheet_cell(const san_result* result, const san_pixels* pixels, const uint8_t* rgb,
                                 size_t color_count, int height) {
  return guard<san_image*>(nullptr, [&] {
    return new san_image{san::sheet_cell(view(pixels), at(result, "result").result, colors(rgb, color_count),
                                         height == 0 ? 256 : height)};
  });
}

san_image* san_draw_sheet(const san_image* const* cells, size_t count, int columns) {
  return guard<san_image*>(nullptr, [&] {
    if (count > 0) need(cells, "cells");
    std::vector<san::Image> images;
    for (size_t i = 0; i < count; ++i) images.push_back(at(cells[i], "a cell").image);
    return new san_image{san::draw_sheet(images, columns)};
  });
}

san_proposals* san_result_proposals(const san_result* result, float min_class_score, float threshold) {
  return guard<san_proposals*>(nullptr, [&] {
    san::ProposalOptions options;
    options.min_class_score = min_class_score;
    if (threshold != 0) options.threshold = threshold;
    auto out = std::make_unique<san_proposals>();
    out->proposals = at(result, "result").result.proposals(options);
    for (const san::MaskProposal& p : out->proposals)
      out->rle_counts.push_back(san::rle_counts_to_string(p.mask.counts));
    return out.release();
  });
}

size_t san_proposals_count(const san_proposals* proposals) {
  return proposals != nullptr ? proposals->proposals.size() : 0;
}

int san_proposals_get(const san_proposals* proposals, size_t index, san_proposal* proposal) {
  return status([&] {
    const san_proposals& all = at(proposals, "proposals");
    san::require(index < all.proposals.size(), "proposal {} of {}", index, all.proposals.size());
    const san::MaskProposal& p = all.proposals[index];
    fill(proposal,
         {0, p.query, p.class_index, p.score(), p.class_score, p.mask_score, p.mask.area(),
          all.rle_counts[index].c_str()},
         "san_proposal");
  });
}

int san_proposals_mask(const san_proposals* proposals, size_t index, uint8_t* mask, size_t capacity) {
  return status([&] {
    const san_proposals& all = at(proposals, "proposals");
    san::require(index < all.proposals.size(), "proposal {} of {}", index, all.proposals.size());
    need(mask, "mask");
    const san::Rle& rle = all.proposals[index].mask;
    require_room(capacity, 1, rle.height, rle.width, "mask");
    std::ranges::copy(san::decode_rle(rle), mask);
  });
}
void san_proposals_free(san_proposals* proposals) {
  delete proposals;
}
