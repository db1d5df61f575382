#include "serve/segment_request.h"

#include <algorithm>

#include "base/base64.h"
#include "base/utf8.h"
#include "san/label_sets.hpp"
#include "san/vocabulary.hpp"
#include "serve/refusal.h"

namespace san::serve {
namespace {

constexpr int kSmallestTile = 32;
constexpr std::size_t kMaxTemplates = 100, kMaxTemplateBytes = 200, kMaxNameBytes = 64;

std::vector<std::string> read_templates(const Fields& fields) {
  std::vector<std::string> templates = fields.texts("templates", kMaxTemplates, kMaxTemplateBytes, false);
  const auto is_set = [](const std::string& name) {
    return name == "vild" || name == "imagenet" || name == "single";
  };
  if (templates.size() == 1 && is_set(templates[0])) return prompt_templates(templates[0]);
  for (std::size_t i = 0; i < templates.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", fields.path("templates"), i);
    const std::size_t hole = templates[i].find("{}");
    expect(hole != std::string::npos && templates[i].find("{}", hole + 2) == std::string::npos, 422, kInvalid,
           place, "{}: a template has one {{}}, or the list is vild, imagenet or single", place);
    expect(is_printable(templates[i]), 422, kInvalid, place, "{}: control characters, or not UTF-8", place);
  }
  return templates;
}

void check_words(const std::vector<ClassName>& classes, const Limits& limits, const std::string& field) {
  constexpr std::size_t kNamesPerClass = 4;  // on the average
  std::size_t names = 0;
  for (const ClassName& c : classes) names += c.names.size();
  expect(classes.size() <= limits.classes && names <= kNamesPerClass * limits.classes, 422,
         "too_many_classes", field, "{}: {} classes of {} names, more than {} of {}", field, classes.size(),
         names, limits.classes, kNamesPerClass * limits.classes);
}

std::vector<Output> read_outputs(const Fields& fields) {
  constexpr std::size_t kLongest = 20;
  static const std::vector<std::pair<std::string, Output>> kOutputs{
      {"labels", Output::kLabels},       {"overlay", Output::kOverlay}, {"json", Output::kJson},
      {"proposals", Output::kProposals}, {"scores", Output::kScores},   {"runner_up", Output::kRunnerUp}};
  std::vector<Output> outputs;
  for (const std::string& name : fields.texts("output", kOutputs.size(), kLongest, true)) {
    const auto found = std::ranges::find(kOutputs, name, &std::pair<std::string, Output>::first);
    expect(found != kOutputs.end(), 422, kInvalid, fields.path("output"),
           "output: expected labels, overlay, json, proposals, scores or runner_up, got {}",
           printable(name, kLongest));
    expect(std::ranges::find(outputs, found->second) == outputs.end(), 422, kInvalid, fields.path("output"),
           "output: {} is there twice", name);
    outputs.push_back(found->second);
  }
  if (outputs.empty()) outputs.push_back(Output::kJson);
  return outputs;
}

Rgb read_color(const std::string& text, const std::string& field) {
  const bool fits = text.size() == 7 && text[0] == '#' &&
                    text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
  expect(fits, 422, kInvalid, field, "{}: expected a colour such as #80ff00, got {}", field,
         printable(text, 20));
  const auto value = static_cast<std::uint32_t>(std::stoul(text.substr(1), nullptr, 16));
  return {static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
          static_cast<std::uint8_t>(value)};
}

void read_colors(const Fields& fields, const Limits& limits, SegmentRequest& r) {
  if (fields.choice("palette", {"distinct", "dataset"}, "distinct") == "dataset") {
    const std::string name = fields.text("label_set", kMaxNameBytes);
    expect(!name.empty(), 422, kInvalid, fields.path("palette"),
           "palette: dataset needs label_set: only label sets have customary colours");
    const LabelSet set = label_set(name);
    expect(set.palette.size() == set.classes.size(), 422, kInvalid, fields.path("palette"),
           "palette: label set {} has no customary colours", set.name);
    r.colors.assign(set.palette.begin(), set.palette.end());
  }
  const std::vector<std::string> colors = fields.texts("colors", limits.classes, 7, true);
  if (colors.empty()) return;
  r.colors.clear();
  for (std::size_t i = 0; i < colors.size(); ++i)
    r.colors.push_back(read_color(colors[i], fmt::format("{}[{}]", fields.path("colors"), i)));
}

void read_overlay(const Json& object, SegmentRequest& r) {
  const Fields fields(object, "overlay");
  fields.allow({"opacity", "contours", "names", "legend"});
  r.overlay.opacity = static_cast<float>(fields.number("opacity", 0, 1, r.overlay.opacity));
  r.overlay.contours = fields.flag("contours", r.overlay.contours);
  r.overlay.names = fields.flag("names", r.overlay.names);
  r.overlay.legend = fields.flag("legend", r.overlay.legend);
}

/// Whose picture is meant, and how the network looks at it.
void read_picture(const Fields& fields, const Limits& limits, SegmentRequest& r) {
  r.model = fields.text("model", 256);
  r.image_name = printable(fields.text("name", 256, r.image_name));
  r.image_sha256 = fields.text("image_sha256", 64);
  expect(
      r.image_sha256.empty() || (r.image_sha256.size() == 64 &&
                                 r.image_sha256.find_first_not_of("0123456789abcdef") == std::string::npos),
      422, kInvalid, "image_sha256", "image_sha256: expected 64 lower-case hexadecimal digits");
  r.other = fields.choice("background", {"none", "other"}, "none") == "other";
  r.short_side = static_cast<int>(fields.integer("short_side", 0, limits.short_side, 0));
  if (fields.choice("preprocess", {"evaluation", "demo"}, "evaluation") == "demo")
    r.preprocessing = Preprocessing::kDemo;
  if (fields.has("refine")) r.refine = fields.flag("refine", false);
  r.bank = read_bank_choice(fields);
}

SegmentRequest read_fields(const Json& object, bool form, const Limits& limits) {
  const Fields fields(object, "", form);
  fields.allow({"model",       "image",           "image_sha256",   "name",         "classes",
                "vocabulary",  "label_set",       "distractors",    "templates",    "output",
                "background",  "short_side",      "tile",           "tile_overlap", "preprocess",
                "palette",     "colors",          "overlay",        "refine",       "bank",
                "bank_weight", "min_class_score", "mask_threshold", "score_side"});
  SegmentRequest r;
  read_picture(fields, limits, r);
  r.words = read_words(fields, limits);
  r.outputs = read_outputs(fields);
  r.tile = static_cast<int>(fields.integer("tile", 0, limits.side, 0));
  expect(r.tile == 0 || r.tile >= kSmallestTile, 422, kInvalid, "tile",
         "tile: a side of {} pixels; expected at least {}, or 0 for none", r.tile, kSmallestTile);
  expect(r.tile > 0 || !fields.has("tile_overlap"), 422, kInvalid, "tile_overlap",
         "tile_overlap: there are no tiles; give tile too");
  expect(r.tile == 0 || !r.refine.value_or(false), 422, kInvalid, "refine",
         "refine: edges of tiles cannot be refined; leave out refine or tile");
  r.tile_overlap = static_cast<int>(fields.integer("tile_overlap", 0, r.tile / 2, r.tile / 4));
  read_colors(fields, limits, r);
  if (const Json* overlay = fields.object("overlay")) read_overlay(*overlay, r);
  r.proposals.min_class_score = static_cast<float>(fields.number("min_class_score", 0, 1, 0));
  r.proposals.threshold = static_cast<float>(fields.number("mask_threshold", 0.01, 0.99, 0.5));
  r.score_side = static_cast<int>(fields.integer("score_side", 16, 2048, r.score_side));
  return r;
}

/// COCO's {"size": [height, width], "counts": "…"}.
Rle read_mask(const Json& object, const Limits& limits) {
  const Fields fields(object, "mask");
  fields.allow({"size", "counts"});
  const auto size = object.find("size");
  const auto fits = [&](const Json& side) {
    return side.is_number_unsigned() && side.get<std::uint64_t>() >= 1 &&
           side.get<std::uint64_t>() <= static_cast<std::uint64_t>(limits.side);
  };
  expect(
      size != object.end() && size->is_array() && size->size() == 2 && fits((*size)[0]) && fits((*size)[1]),
      422, kInvalid, "mask.size", "mask.size: expected [height, width] of the picture");
  Rle rle;
  rle.height = (*size)[0].get<int>();
  rle.width = (*size)[1].get<int>();
  expect(std::int64_t{rle.height} * rle.width <= limits.pixels, 422, kInvalid, "mask.size",
         "mask.size: {} × {} pixels, more than {}", rle.width, rle.height, limits.pixels);
  try {
    rle.counts = rle_counts_from_string(fields.text("counts", limits.body_bytes));
  } catch (const Error& e) {
    throw Refusal(422, kInvalid, fmt::format("mask.counts: {}", public_words(e.what())), "mask.counts");
  }
  std::uint64_t sum = 0;
  for (const std::uint32_t run : rle.counts) sum += run;
  expect(sum == static_cast<std::uint64_t>(rle.height) * static_cast<std::uint64_t>(rle.width), 422, kInvalid,
         "mask.counts", "mask.counts: runs of {} pixels for a mask of {} × {}", sum, rle.width, rle.height);
  return rle;
}

ExampleRequest read_example_fields(const Json& object, bool form, const Limits& limits) {
  const Fields fields(object, "", form);
  fields.allow({"model", "image", "image_sha256", "name", "classes", "vocabulary", "label_set", "distractors",
                "templates", "background", "short_side", "preprocess", "refine", "bank", "bank_weight",
                "class", "point", "mask"});
  ExampleRequest r;
  read_picture(fields, limits, r.segment);
  expect(fields.has("class"), 422, kInvalid, "class", "class: expected the name of what the region shows");
  r.name = read_classes({fields.text("class", limits.name_bytes)}, "class").at(0);
  expect(fields.has("point") != fields.has("mask"), 422, kInvalid, "point",
         "expected one of the fields point and mask");
  if (const Json* mask = fields.object("mask")) {
    r.mask = read_mask(*mask, limits);
    return r;
  }
  const Json& point = object.at("point");
  const auto fits = [](const Json& at) {
    return at.is_number_unsigned() && at.get<std::uint64_t>() < (std::uint64_t{1} << 30);
  };
  expect(point.is_array() && point.size() == 2 && fits(point[0]) && fits(point[1]), 422, kInvalid, "point",
         "point: expected [column, row], pixels of the picture");
  r.point = {point[0].get<int>(), point[1].get<int>()};
  r.segment.words = read_words(fields, limits);
  return r;
}

/// A request of a picture, by `fields` of its object.
template <class Request>
Request read_with_picture(const HttpRequest& request, const Limits& limits,
                          Request (*fields)(const Json&, bool, const Limits&),
                          SegmentRequest& (*picture_of)(Request&)) {
  const std::string type = request.media_type();
  Request read;
  if (type == "application/json") {
    const Json object = parse_json_object(request.body);
    read = fields(object, false, limits);
    if (const auto image = object.find("image"); image != object.end() && !image->is_null()) {
      expect(image->is_string(), 422, kInvalid, "image", "image: expected base64 text, got {}",
             image->type_name());
      picture_of(read).image = read_base64(image->get_ref<const std::string&>(), "image");
    }
  } else if (type == "multipart/form-data") {
    const std::vector<FormPart> parts = parse_form(request.body, request.header("content-type"));
    read = fields(form_object(parts), true, limits);
    for (const FormPart& part : parts)
      if (part.name == "image") picture_of(read).image = part.content;
  } else {
    refuse(415, "media_type", "", "Content-Type: expected application/json or multipart/form-data, got {}",
           type.empty() ? "none" : printable(type, 60));
  }
  const SegmentRequest& picture = picture_of(read);
  expect(picture.image.empty() != picture.image_sha256.empty(), 422, kInvalid, "image",
         "expected one of the fields image and image_sha256");
  return read;
}

}  // namespace

bool SegmentRequest::wants(Output output) const {
  return std::ranges::find(outputs, output) != outputs.end();
}

void check_name(std::string_view name, const std::string& field) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  };
  expect(!name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' && std::ranges::all_of(name, fits),
         422, kInvalid, field,
         "{}: a name is 1 to {} of the characters a-z A-Z 0-9 . _ - and begins with no dot", field,
         kMaxNameBytes);
}

BankChoice read_bank_choice(const Fields& fields) {
  BankChoice bank;
  bank.wanted = fields.flag_or_text("bank", kMaxNameBytes, true, bank.name);
  if (!bank.name.empty()) check_name(bank.name, fields.path("bank"));
  expect(bank.wanted || !fields.has("bank_weight"), 422, kInvalid, fields.path("bank_weight"),
         "bank_weight: no bank is asked; leave out bank: false");
  bank.weight = static_cast<float>(fields.number("bank_weight", 0, 1000, -1));
  return bank;
}

std::vector<ClassName> read_classes(const std::vector<std::string>& texts, const std::string& field) {
  try {
    return texts.empty() ? std::vector<ClassName>{} : parse_classes(texts, field);
  } catch (const Error& e) {
    throw Refusal(422, "bad_class", printable(e.what(), 400), field);
  }
}

Words read_words(const Fields& fields, const Limits& limits) {
  Words words;
  const int sources = static_cast<int>(fields.has("classes")) + static_cast<int>(fields.has("vocabulary")) +
                      static_cast<int>(fields.has("label_set"));
  expect(sources == 1, 422, kInvalid, fields.path("classes"),
         "expected one of the fields classes, vocabulary and label_set, got {}", sources);
  if (fields.has("vocabulary")) {
    words.vocabulary = fields.text("vocabulary", kMaxNameBytes);
    check_name(words.vocabulary, fields.path("vocabulary"));
    expect(!fields.has("distractors") && !fields.has("templates"), 422, kInvalid, fields.path("vocabulary"),
           "a stored vocabulary has its own templates and distractors");
    return words;
  }
  if (fields.has("label_set")) {
    const std::string name = fields.text("label_set", kMaxNameBytes);
    const std::vector<std::string> sets = shipped_label_sets();
    expect(std::ranges::find(sets, name) != sets.end(), 422, kInvalid, fields.path("label_set"),
           "label_set: expected one of {}", fmt::join(sets, ", "));
    words.classes = label_set_classes(name);
  } else {
    words.classes = read_classes(fields.texts("classes", limits.classes, limits.name_bytes, true),
                                 fields.path("classes"));
  }
  expect(!words.classes.empty(), 422, kInvalid, fields.path("classes"), "{}: no classes",
         fields.path("classes"));
  const std::vector<std::string> distractors =
      fields.texts("distractors", limits.classes, limits.name_bytes, true);
  const bool one = distractors.size() == 1;
  words.choose_distractors =
      fields.has("distractors") ? one && distractors[0] == "auto" : words.classes.size() < kManyClasses;
  if (!words.choose_distractors && !(one && distractors[0] == "none"))
    words.distractors = read_classes(distractors, fields.path("distractors"));
  check_words(words.classes, limits, fields.path("classes"));
  check_words(words.distractors, limits, fields.path("distractors"));
  words.templates = read_templates(fields);
  return words;
}

std::string read_base64(std::string_view text, const std::string& field) {
  if (text.starts_with("data:")) {
    const std::size_t comma = text.find(',');
    expect(comma != std::string_view::npos && text.substr(0, comma).ends_with(";base64"), 422, kInvalid,
           field, "{}: a data: address without ;base64, in it", field);
    text.remove_prefix(comma + 1);
  }
  try {
    return base64_decode(text);
  } catch (const Error& e) {
    throw Refusal(422, "bad_base64", fmt::format("{}: {}", field, e.what()), field);
  }
}

SegmentRequest read_segment_request(const HttpRequest& request, const Limits& limits) {
  return read_with_picture<SegmentRequest>(request, limits, read_fields,
                                           [](SegmentRequest& r) -> SegmentRequest& { return r; });
}

ExampleRequest read_example_request(const HttpRequest& request, const Limits& limits) {
  return read_with_picture<ExampleRequest>(request, limits, read_example_fields,
                                           [](ExampleRequest& r) -> SegmentRequest& { return r.segment; });
}

}  // namespace san::serve
