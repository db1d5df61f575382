#include "draw/overlay.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "draw/canvas.h"
#include "draw/region_anchor.h"
#include "draw/text.h"
#include "san/colors.hpp"

namespace san {
namespace {

using canvas::Box;

constexpr Rgb kPanel{24, 26, 31}, kInk{236, 238, 242}, kFaintInk{160, 165, 175};

/// A class in the picture.
struct Entry {
  int label = 0;
  std::string name;
  Rgb color{};
  std::int64_t area = 0;
  double share = 0.0;
};

/// The largest area first. Labels without a name are one entry, whose label is names.size().
std::vector<Entry> entries_of(const LabelMap& labels, std::span<const std::string> names,
                              std::span<const Rgb> colors) {
  std::vector<std::int64_t> areas(names.size() + 1, 0);
  for (const Label label : labels.labels) ++areas[std::min<std::size_t>(label, names.size())];
  std::vector<Entry> entries;
  for (std::size_t k = 0; k < areas.size(); ++k) {
    if (areas[k] == 0) continue;
    const bool named = k < names.size();
    entries.push_back({static_cast<int>(k), named ? names[k] : "other", named ? colors[k] : kOtherColor,
                       areas[k], static_cast<double>(areas[k]) / static_cast<double>(labels.labels.size())});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.area > b.area; });
  return entries;
}

/// All lengths of a drawing follow from the picture's size.
struct Measures {
  int font, line, contour;
  explicit Measures(const Image& image)
      : font(std::clamp(
            static_cast<int>(std::lround(std::sqrt(static_cast<double>(image.height) * image.width) / 38)),
            12, 160)),
        line(font * 8 / 5),
        contour(std::max(1, static_cast<int>(std::lround(std::min(image.height, image.width) / 450.0)))) {}
};

/// Greyish pictures take colours better: some of the picture's own colour goes before the class colour comes.
void tint(Image& image, const LabelMap& labels, std::span<const Rgb> colors, std::size_t named,
          float opacity) {
  for (std::size_t p = 0; p < labels.labels.size(); ++p) {
    std::uint8_t* pixel = image.rgb.data() + 3 * p;
    const auto grey = static_cast<std::uint8_t>((77 * pixel[0] + 151 * pixel[1] + 28 * pixel[2]) / 256);
    const bool has_class = labels.labels[p] < named;
    canvas::blend(pixel, {grey, grey, grey}, has_class ? 0.35f : 0.85f);
    if (has_class) canvas::blend(pixel, colors[labels.labels[p]], opacity);
  }
}

/// A rim of stronger class colour inside each region, and between two regions a bright seam one contour wide.
void draw_contours(Image& image, const LabelMap& labels, std::span<const Rgb> colors, std::size_t named,
                   int width) {
  const auto differs = [&](int x, int y, int dx, int dy) {
    const int u = x + dx, v = y + dy;
    return u >= 0 && v >= 0 && u < labels.width && v < labels.height && labels.row(v)[u] != labels.row(y)[x];
  };
  const auto within = [&](int x, int y, int reach, bool both_sides) {
    for (int d = 1; d <= reach; ++d)
      if (differs(x, y, d, 0) || differs(x, y, 0, d) ||
          (both_sides && (differs(x, y, -d, 0) || differs(x, y, 0, -d))))
        return true;
    return false;
  };
  for (int y = 0; y < labels.height; ++y)
    for (int x = 0; x < labels.width; ++x) {
      std::uint8_t* pixel = image.row(y) + 3 * x;
      const Label label = labels.row(y)[x];
      if (within(x, y, width, false))
        canvas::blend(pixel, {255, 255, 255}, 0.75f);
      else if (label < named && within(x, y, 3 * width, true))
        canvas::blend(pixel, colors[label], 0.55f);
    }
}

void draw_names(Image& image, const LabelMap& labels, const std::vector<Entry>& entries,
                const Measures& measures) {
  const Font font(measures.font);
  const auto anchors = region_anchors(labels);
  const int padding = measures.font / 2;
  std::vector<Box> taken;
  for (const Entry& entry : entries) {
    const auto found = anchors.find(static_cast<Label>(entry.label));
    if (found == anchors.end() || entry.color == kOtherColor) continue;
    const RegionAnchor& anchor = found->second;
    const std::string name = font.fitted(entry.name, image.width / 2);
    const int text = font.width(name);
    Box box{0, 0, text + 2 * padding, font.cap_height() + 3 * padding / 2};
    const bool roomy = anchor.radius * 2.2f >= static_cast<float>(box.height) &&
                       anchor.radius * 4.5f >= static_cast<float>(box.width);
    if (!roomy || box.width > image.width || box.height > image.height) continue;
    box.x = std::clamp(anchor.x - box.width / 2, 0, image.width - box.width);
    box.y = std::clamp(anchor.y - box.height / 2, 0, image.height - box.height);
    if (std::any_of(taken.begin(), taken.end(), [&](const Box& other) { return box.overlaps(other); }))
      continue;
    taken.push_back(box);
    const auto radius = 0.4f * static_cast<float>(box.height);
    canvas::fill_rounded(image, box, radius, {255, 255, 255}, 0.9f);
    const int rim = std::max(1, measures.contour);
    canvas::fill_rounded(image, {box.x + rim, box.y + rim, box.width - 2 * rim, box.height - 2 * rim}, radius,
                         entry.color);
    font.draw(image, name, box.x + padding, box.y + (box.height + font.cap_height()) / 2,
              canvas::ink_on(entry.color));
  }
}

/// The panel at the right: as many columns as the entries need, as far as it stays narrower than the picture.
class Legend {
 public:
  Legend(const Image& image, std::vector<Entry> entries)
      : measures_(image), font_(measures_.font), entries_(std::move(entries)), height_(image.height) {
    const int fixed = swatch() + 3 * gap() + font_.width("100 %");
    int longest = 0;
    for (Entry& entry : entries_) {
      entry.name = font_.fitted(entry.name, std::max(image.width * 2 / 5, 8 * measures_.font));
      longest = std::max(longest, font_.width(entry.name));
    }
    column_ = fixed + longest + gap();
    rows_ = std::max(1, (height_ - 2 * gap()) / measures_.line);
    const int columns_needed = (static_cast<int>(entries_.size()) + rows_ - 1) / rows_;
    columns_ = std::clamp(image.width / column_, 1, std::max(1, columns_needed));
    fold();
  }

  Image attach(const Image& image) const {
    Image result(image.height, image.width + columns_ * column_ + gap());
    for (int y = 0; y < image.height; ++y) {
      std::copy_n(image.row(y), image.row_bytes(), result.row(y));
      for (int x = image.width; x < result.width; ++x)
        std::copy(kPanel.begin(), kPanel.end(), result.row(y) + 3 * x);
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto column = static_cast<int>(i) / rows_, row = static_cast<int>(i) % rows_;
      draw_entry(result, entries_[i], image.width + gap() + column * column_, gap() + row * measures_.line);
    }
    return result;
  }

 private:
  int gap() const { return measures_.font * 2 / 3; }
  int swatch() const { return measures_.font; }

  /// What does not fit becomes one last line.
  void fold() {
    const std::size_t room = static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_);
    if (entries_.size() <= room) return;
    Entry rest;
    rest.color = kPanel;
    rest.name = fmt::format("+ {} more", entries_.size() - room + 1);
    for (std::size_t i = room - 1; i < entries_.size(); ++i) rest.share += entries_[i].share;
    entries_.resize(room - 1);
    entries_.push_back(rest);
  }

  static std::string percent(double share) {
    if (share >= 0.995) return "100 %";
    return share < 0.001 ? "<0.1 %" : fmt::format("{:.{}f} %", 100 * share, share < 0.0995 ? 1 : 0);
  }

  void draw_entry(Image& image, const Entry& entry, int x, int y) const {
    const int middle = y + measures_.line / 2, base = middle + font_.cap_height() / 2;
    canvas::fill_rounded(image, {x, middle - swatch() / 2, swatch(), swatch()},
                         0.25f * static_cast<float>(swatch()), entry.color);
    font_.draw(image, entry.name, x + swatch() + gap(), base, kInk);
    const std::string share = percent(entry.share);
    font_.draw(image, share, x + column_ - gap() - font_.width(share), base, kFaintInk);
  }

  Measures measures_;
  Font font_;
  std::vector<Entry> entries_;
  int height_, column_ = 0, rows_ = 0, columns_ = 0;
};

void require_alike(const Image& image, const LabelMap& labels) {
  require(image.height == labels.height && image.width == labels.width && image.height > 0 && image.width > 0,
          "overlay: the picture has {}x{} pixels, the labels {}x{}", image.width, image.height, labels.width,
          labels.height);
}

}  // namespace

Image painted(const Image& image, const LabelMap& labels, std::span<const Rgb> colors, float opacity) {
  require_alike(image, labels);
  Image result = image;
  tint(result, labels, colors, colors.size(), opacity);
  return result;
}

Image draw_overlay(Image image, const LabelMap& labels, std::span<const std::string> names,
                   std::span<const Rgb> colors, const OverlayOptions& options) {
  paint_overlay(image, labels, names, colors, options);
  if (!options.legend) return image;
  return Legend(image, entries_of(labels, names, colors)).attach(image);
}

void paint_overlay(Image& image, const LabelMap& labels, std::span<const std::string> names,
                   std::span<const Rgb> colors, const OverlayOptions& options) {
  require_alike(image, labels);
  require(colors.size() >= names.size(), "overlay: {} classes, but {} colours", names.size(), colors.size());
  const Measures measures(image);
  tint(image, labels, colors, names.size(), options.opacity);
  if (options.contours) draw_contours(image, labels, colors, names.size(), measures.contour);
  if (options.names) draw_names(image, labels, entries_of(labels, names, colors), measures);
}

}  // namespace san
