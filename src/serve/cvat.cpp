#include "serve/cvat.h"

#include <algorithm>

#include "serve/fields.h"
#include "serve/outputs.h"

namespace san::serve {
namespace {

struct Box {
  int left, top, right, bottom;  // all within
};

struct Found {
  Box box;
  double score = 0;
};

/// Of every class: where it is, and the sum of its scores.
std::vector<Found> find_all(const Outcome& outcome, const LabelMap& labels) {
  std::vector<Found> found(outcome.result.classes().size(), {{labels.width, labels.height, -1, -1}, 0});
  for (int y = 0; y < labels.height; ++y) {
    const float* scores = outcome.result.label_scores.data() + static_cast<std::ptrdiff_t>(y) * labels.width;
    for (int x = 0; x < labels.width; ++x) {
      const Label label = labels.row(y)[x];
      if (label >= outcome.result.classes().size()) continue;
      Found& f = found[label];
      f.box = {std::min(f.box.left, x), std::min(f.box.top, y), std::max(f.box.right, x),
               std::max(f.box.bottom, y)};
      f.score += scores[x];
    }
  }
  return found;
}

}  // namespace

OrderedJson cvat_description(const CvatFunction& function, int port) {
  OrderedJson spec = OrderedJson::array();
  for (std::size_t i = 0; i < function.labels.size(); ++i)
    spec.push_back(
        {{"id", i}, {"name", function.labels[i]}, {"type", "mask"}, {"attributes", OrderedJson::array()}});
  return {{"metadata",
           {{"name", function.id},
            {"annotations",
             {{"name", function.id},
              {"type", "detector"},
              {"framework", "san"},
              {"spec", spec.dump(-1, ' ', false, OrderedJson::error_handler_t::replace)}}}}},
          {"spec", {{"description", function.description}}},
          {"status", {{"state", "ready"}, {"httpPort", port}}}};
}

CvatCall read_cvat_call(std::string_view body) {
  const Json document = parse_json_object(body);
  const Fields fields(document);
  CvatCall call;
  const auto image = document.find("image");
  expect(image != document.end() && image->is_string(), 422, "invalid_field", "image",
         "image: expected base64 text");
  call.image = read_base64(image->get_ref<const std::string&>(), "image");
  call.threshold = fields.number("threshold", 0, 1, 0);
  return call;
}

std::string write_cvat_masks(const Outcome& outcome, double threshold) {
  const LabelMap& labels = outcome.result.labels;
  const std::vector<Found> found = find_all(outcome, labels);
  std::string text = "[";
  for (std::size_t k = 0; k < outcome.result.classes().size(); ++k) {
    if (outcome.result.areas[k] == 0) continue;
    const double score = found[k].score / static_cast<double>(outcome.result.areas[k]);
    if (score < threshold) continue;
    const Box& b = found[k].box;
    text += fmt::format(
        "{}{{\"confidence\":\"{:.4f}\",\"label\":{},\"type\":\"mask\",\"mask\":[", text.size() > 1 ? "," : "",
        score, Json(outcome.result.classes()[k]).dump(-1, ' ', false, Json::error_handler_t::replace));
    for (int y = b.top; y <= b.bottom; ++y)
      for (int x = b.left; x <= b.right; ++x) text += labels.row(y)[x] == k ? "1," : "0,";
    text += fmt::format("{},{},{},{}]}}", b.left, b.top, b.right, b.bottom);
  }
  return text + "]";
}

}  // namespace san::serve
