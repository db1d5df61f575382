#include "sample_sheet.h"

#include <algorithm>

#include "base/labels.h"
#include "draw/contact_sheet.h"
#include "draw/overlay.h"
#include "image/codec/encode.h"
#include "san/colors.hpp"

namespace san::cli {

void write_sample_sheet(std::span<const SamplePicture> samples, const std::filesystem::path& path) {
  constexpr int kHeight = 160;
  std::size_t classes = 0;
  for (const SamplePicture& s : samples)
    for (const LabelMap* map : {&s.truth, &s.found})
      for (const Label label : map->labels)
        if (label != kNoLabel) classes = std::max<std::size_t>(classes, label + std::size_t{1});
  const std::vector<Rgb> colors = distinct_colors(classes);
  std::vector<Image> cells;
  for (const SamplePicture& s : samples) cells.push_back(s.picture);
  for (const SamplePicture& s : samples) cells.push_back(painted(s.picture, s.truth, colors));
  for (const SamplePicture& s : samples) cells.push_back(painted(s.picture, s.found, colors));
  write_png(path, contact_sheet(cells, {static_cast<int>(samples.size()), kHeight, 4}));
}

}  // namespace san::cli
