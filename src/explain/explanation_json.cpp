#include "explain/explanation_json.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/error.h"
#include "base/labels.h"
#include "base/utf8.h"
#include "embedded/explain_page.h"
#include "embedded/explain_script.h"
#include "embedded/explain_style.h"
#include "image/codec/encode.h"

namespace san {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

constexpr int kPictureSide = 768, kJpegQuality = 88, kLabelSide = 320;

template <class T>
std::string packed(std::span<const T> values) {
  return base64_encode({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

/// Values as bytes between the extremes of their row.
Json in_bytes(std::span<const float> values, std::size_t row) {
  std::vector<std::uint8_t> bytes(values.size());
  std::vector<float> ranges;
  for (std::size_t begin = 0; begin < values.size(); begin += row) {
    const auto [low, high] = std::ranges::minmax(values.subspan(begin, row));
    for (std::size_t i = begin; i < begin + row; ++i)
      bytes[i] =
          high > low ? static_cast<std::uint8_t>(std::lround(255 * (values[i] - low) / (high - low))) : 0;
    ranges.insert(ranges.end(), {low, high});
  }
  return {{"bytes", packed(std::span<const std::uint8_t>(bytes))},
          {"ranges", packed(std::span<const float>(ranges))}};
}

Json size_json(const Size& size) {
  return {size.height, size.width};
}
Json grid_json(const Grid& grid) {
  return {grid.height, grid.width};
}

Size limited(int height, int width, int side) {
  const double scale = std::min(1.0, static_cast<double>(side) / std::max(height, width));
  return {std::max(1, static_cast<int>(std::lround(height * scale))),
          std::max(1, static_cast<int>(std::lround(width * scale)))};
}

std::string picture_address(const Image& picture) {
  const Size size = limited(picture.height, picture.width, kPictureSide);
  const bool fits = size.height == picture.height && size.width == picture.width;
  const auto jpeg = encode_jpeg(
      fits ? picture : resize(picture, size.height, size.width, ResizeFilter::kBilinear), kJpegQuality);
  return "data:image/jpeg;base64," + packed(std::span<const std::byte>(jpeg));
}

void replace(std::string& text, std::string_view place, std::string_view with) {
  const std::size_t at = text.find(place);
  require(at != std::string::npos, "explain: the page has no place for {}", place);
  text.replace(at, place.size(), with);
}

}  // namespace

std::string explanation_json(const Explanation& e, const Image& picture, const ExplanationInfo& info) {
  require(info.colors.size() >= e.classes.size(), "explain: {} colours for {} classes", info.colors.size(),
          e.classes.size());
  const auto patches = static_cast<std::size_t>(e.clip_grid.tokens());
  const std::size_t per_query = patches;
  Json root{{"image", printable(info.image)},
            {"model", printable(info.model)},
            {"height", e.height},
            {"width", e.width}};
  root["picture"] = picture_address(picture);
  root["input"] = size_json(e.input);
  root["content"] = size_json(e.content);
  root["clip_input"] = size_json(e.clip_input);
  root["clip_grid"] = grid_json(e.clip_grid);
  root["mask_grid"] = grid_json(e.mask_grid);
  root["queries"] = e.queries;
  root["heads"] = e.heads;
  root["other"] = e.other;
  root["classes"] = e.classes;
  root["colors"] = Json::array();
  for (std::size_t k = 0; k < e.classes.size(); ++k)
    root["colors"].push_back(
        fmt::format("#{:02x}{:02x}{:02x}", info.colors[k][0], info.colors[k][1], info.colors[k][2]));
  root["features"] = Json::array();
  for (const FeatureColors& f : e.features)
    root["features"].push_back(
        {{"layer", f.layer}, {"share", f.share}, {"rgb", packed(std::span<const std::uint8_t>(f.rgb))}});
  root["masks"] = packed(std::span<const float>(e.masks));
  root["bias"] = in_bytes(e.bias, per_query);
  root["attention"] = Json::array();
  for (const SlsAttention& a : e.attention) {
    Json block = in_bytes(a.patches, per_query);
    block["block"] = a.block;
    block["own"] = packed(std::span<const float>(a.own));
    root["attention"].push_back(std::move(block));
  }
  root["probabilities"] = packed(std::span<const float>(e.probabilities));
  const LabelMap& labels = e.result.labels;
  const Size shown = limited(labels.height, labels.width, kLabelSide);
  const LabelMap small = resize_nearest(labels, shown.height, shown.width);
  const bool wide = e.result.areas.size() > std::size_t{kNoLabel16} + 1;
  const std::vector<std::uint16_t> narrow(small.labels.begin(), small.labels.end());
  root["labels"] = {{"size", size_json(shown)},
                    {"bits", wide ? 32 : 16},
                    {"values", wide ? packed(std::span<const Label>(small.labels))
                                    : packed(std::span<const std::uint16_t>(narrow))}};
  return root.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string explanation_page(const std::string& json) {
  // Inside a script element only "<" can end the data early.
  std::string data;
  data.reserve(json.size());
  for (const char c : json) c == '<' ? data += "\\u003c" : data += c;
  std::string page(embedded::explain_page());
  replace(page, "@STYLE@", embedded::explain_style());
  replace(page, "@SCRIPT@", embedded::explain_script());
  replace(page, "@DATA@", data);
  return page;
}

}  // namespace san
