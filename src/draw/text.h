#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "san/colors.hpp"
#include "san/image.hpp"

namespace san {

/// Text as it can be drawn: control characters become blanks, bytes that are not UTF-8 the replacement
/// character, characters the font lacks their number ("U+4E2D").
class Font {
 public:
  /// The built-in DejaVu Sans at `size` pixels (height of a line about 1.2 times that). For one thread.
  explicit Font(int size);
  ~Font();
  Font(const Font&) = delete;
  Font& operator=(const Font&) = delete;

  int size() const { return size_; }
  /// Advance width in pixels.
  int width(std::string_view text) const;
  /// Height of capitals in pixels.
  int cap_height() const;
  /// `text`, or its beginning with an ellipsis, at most `width` pixels wide.
  std::string fitted(std::string_view text, int width) const;
  /// Draws with the left end of the base line at (x, y); what leaves the image is cut.
  void draw(Image& image, std::string_view text, int x, int y, const Rgb& color) const;

 private:
  struct Face;
  std::unique_ptr<Face> face_;
  int size_;
};

/// Decodes UTF-8; each malformed byte gives U+FFFD.
std::u32string decode_utf8(std::string_view text);

}  // namespace san
