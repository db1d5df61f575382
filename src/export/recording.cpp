#include "export/recording.h"

#include <optional>

#include "export/shapes_alone.h"

namespace san {
namespace {

/// A size whose masks have as many cells as the adapter's own grid but another shape; none where the grid is
/// too small to have one.
std::optional<Grid> same_count(const SanConfig& c) {
  const std::int64_t side = c.image_size / c.patch;
  for (std::int64_t f = 2; f < side; ++f) {
    const Grid size{side / f * c.patch, side * f * c.patch};
    const auto clip_height = static_cast<double>(size.height) * c.clip_scale;
    if (side % f == 0 && clip_height >= static_cast<double>(c.clip.patch)) return size;
  }
  return std::nullopt;
}

}  // namespace

void record_at_two_sizes(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                         const ImageSizes& main, const ImageSizes& other, const RecordImage& record,
                         const Int8Scales& int8) {
  if (main == other) {
    record(graph, {nullptr, {}, int8}, parameters, main);
    return;
  }
  const ShapesAlone shapes(parameters);
  const auto survey = [&](const ImageSizes& s) {
    OnnxGraph scratch("survey", graph.opset());
    return record(scratch, {}, shapes, s);
  };
  const OnnxRecord at_other = survey(other);
  OnnxRecording recording{&at_other, {}, int8};
  if (const auto size = same_count(config); size && main.size != other.size) {
    recording.kept_by_count = at_other.resized;
    for (const std::string& resized : survey({main.batch, *size, main.classes}).resized)
      recording.kept_by_count.erase(resized);
  }
  record(graph, recording, parameters, main);
}

}  // namespace san
