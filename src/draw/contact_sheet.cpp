#include "draw/contact_sheet.h"

#include <algorithm>

#include "base/error.h"
#include "draw/text.h"
#include "image/resize.h"

namespace san {
namespace {

constexpr std::uint8_t kGround = 24;

void paste(const Image& picture, Image& sheet, int top, int left) {
  for (int y = 0; y < picture.height; ++y)
    std::copy_n(picture.row(y), picture.row_bytes(),
                sheet.row(top + y) + static_cast<std::ptrdiff_t>(left) * 3);
}

Image scaled(const Image& picture, int height) {
  const int width =
      std::max(1, static_cast<int>(static_cast<std::int64_t>(picture.width) * height / picture.height));
  return picture.height == height ? picture : resize(picture, height, width, ResizeFilter::kBicubic);
}

}  // namespace

Image contact_sheet(std::span<const Image> pictures, const SheetOptions& o) {
  require(!pictures.empty() && o.columns > 0 && o.cell_height > 0,
          "contact sheet: no pictures, or no room for them");
  const auto columns = std::min(pictures.size(), static_cast<std::size_t>(o.columns));
  std::vector<Image> cells;
  std::vector<int> widths(columns, 0);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    cells.push_back(scaled(pictures[i], o.cell_height));
    widths[i % columns] = std::max(widths[i % columns], cells.back().width);
  }
  int width = o.gap;
  for (const int w : widths) width += w + o.gap;
  const int rows = static_cast<int>((cells.size() + columns - 1) / columns);
  Image sheet(rows * (o.cell_height + o.gap) + o.gap, width);
  std::ranges::fill(sheet.rgb, kGround);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    int left = o.gap;
    for (std::size_t c = 0; c < i % columns; ++c) left += widths[c] + o.gap;
    paste(cells[i], sheet, o.gap + static_cast<int>(i / columns) * (o.cell_height + o.gap), left);
  }
  return sheet;
}

Image captioned(const Image& picture, const std::string& text) {
  const Font font(12);
  const int line = 2 * font.size();
  Image out(picture.height + line, picture.width);
  std::ranges::fill(out.rgb, kGround);
  paste(picture, out, 0, 0);
  font.draw(out, font.fitted(text, picture.width - font.size()), font.size() / 2,
            picture.height + (line + font.cap_height()) / 2, {236, 238, 242});
  return out;
}

Image beside(const Image& left, const Image& right) {
  require(left.height == right.height, "beside: heights {} and {} differ", left.height, right.height);
  Image out(left.height, left.width + right.width);
  paste(left, out, 0, 0);
  paste(right, out, 0, left.width);
  return out;
}

}  // namespace san
